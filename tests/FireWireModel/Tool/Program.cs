using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using Sluice.FireWire.Hostile;
using Sluice.FireWire.Ohci;

namespace Sluice.FireWire.Tool;

/// <summary>The program.</summary>
internal static class Program
{
    private const string Usage = """
        usage: sluice-firewire --controller SOCKET[,SETTING=VALUE...] [--node KIND[,SETTING=VALUE...]]... [--cable A-B]... [OPTION]...

        A FireWire bus for virtual machines: each --controller is an OHCI 1394 controller that an unmodified QEMU (10.1 or later) takes as
        a PCI device; each --node is a device in software. Without --cable, each member is plugged to the one before.

        members
          --controller SOCKET   a Unix socket for one QEMU at a time
              card=NAME             fw643: a card with its PCI ids and quirks; listed below
              pci=VVVV:DDDD[:RR]    other ids than the card's
              quirk=NAME[+NAME...]  none: more quirks than the card's
              msi=on|off            on: has message-signalled interrupts
              fault=NAME[+NAME...]  none: what is wrong with it; the faults are listed below
          --node memory         plain memory that anybody reads, writes and locks
              size=BYTES base=ADDRESS   65536 at 0xfffff0010000
              split-writes=on|off   off: writes are answered by their acknowledge
          --node echo           writes to 0xfffff0011000 + x come back to the address in 0xfffff0010000, + x; a stream on an
                                even channel comes back on the next one; reads there as often, and as long, as 0xfffff0010008 says
          --node disk           an SBP-2 disk with blocks of 512 bytes
              image=FILE read-only=on|off   without an image, its blocks are in memory and zero
              size=BYTES            of one in memory: 67108864; only blocks that were written take memory
              numbered=on|off       off: a block in memory that was not written yet holds its number, 64 bits, over and over
              luns=1..8             1: logical units; those behind the first are in memory, numbered from 1 << 56, 2 << 56, ...
          --node camera         an IIDC 1.31 camera that sends bars, a square that moves, and the frame's number in its first bytes
          --node camcorder      plays a DV tape when AV/C commands tell it to: dvgrab and what else takes DV
              system=pal|ntsc           of generated frames; each has its number in time code and picture
              file=FILE                 raw DV instead, over and over
          --node hostile        breaks the rules, a script after the other
              script=all|NAME           all: each in turn; the scripts are listed below
              play=MILLISECONDS         of the bus for each: 1000
          --node repeater       a PHY without a link
          all: name=NAME guid=NUMBER speed=S100|S200|S400|S800 ports=1..16

        options
          --cable A-B           plugs two members together: NAME or NAME.PORT each; given once, all cables have to be
          --bus-speed FACTOR    seconds of the bus in a real one, 1; less for slow guests
          --seed NUMBER         decides what physics does by chance: who of two becomes the root
          --trace FILE          writes all packets and register accesses; FILE.json for Perfetto (ui.perfetto.dev), else text
          --help

        While it runs it takes lines: plug A-B, unplug A, reset A, short-reset A, fault A NAME, tree, stop. It ends
        by SIGINT or SIGTERM, too.

        examples
          One guest and a memory node:
            sluice-firewire --controller /tmp/fw --node memory
            qemu-system-x86_64 -machine q35,memory-backend=ram -m 512M -object memory-backend-memfd,id=ram,size=512M,share=on \
              -device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"/tmp/fw"}}' ...
          One guest and a disk:
            truncate -s 1G disk.img
            sluice-firewire --controller /tmp/fw --node disk,image=disk.img
          Two guests with a slow node between them, and a trace:
            sluice-firewire --controller /tmp/a,name=a --controller /tmp/b,name=b --node memory,name=m,speed=S100 \
              --cable a-m --cable m-b --trace bus.json
          One guest, a memory node, and one that sends self-IDs which make no tree:
            sluice-firewire --controller /tmp/fw --node memory --node hostile,script=self-id-parents
        """;

    private static int Main(string[] arguments)
    {
        try
        {
            Options options = Options.Parse(arguments);
            if (options.IsHelp)
            {
                Console.WriteLine(Usage);
                Print("scripts of --node hostile", HostileNode.Help);
                Print("cards of --controller", OhciCard.Help);
                Print("quirks of --controller", OhciCard.QuirkNames);
                Print("faults of --controller", FaultNames.Help);
                return 0;
            }
            using var model = new Model(options, Console.Error.WriteLine);
            Serve(model);
            return 0;
        }
        catch (UsageException wrong)
        {
            Console.Error.WriteLine($"sluice-firewire: {wrong.Message} (--help tells more)");
            return 2;
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException)
        {
            Console.Error.WriteLine($"sluice-firewire: {wrong.Message}");
            return 1;
        }
    }

    private static void Print(string title, IEnumerable<string> lines)
    {
        Console.WriteLine($"\n{title}");
        foreach (string line in lines)
            Console.WriteLine($"  {line}");
    }

    private static void Serve(Model model)
    {
        using var stop = new ManualResetEventSlim();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Set();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var reader = new Thread(() => ReadCommands(model, stop)) { IsBackground = true, Name = "commands" };
        reader.Start();
        Console.WriteLine("ready");
        stop.Wait();
    }

    // Its end is no reason to stop: a service has none.
    private static void ReadCommands(Model model, ManualResetEventSlim stop)
    {
        while (Console.In.ReadLine() is { } line)
        {
            if (!Commands.Run(model, line, Console.Out))
            {
                stop.Set();
                return;
            }
        }
    }
}
