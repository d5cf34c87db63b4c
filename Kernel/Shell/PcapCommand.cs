using System;
using Sluice.Console;
using Sluice.Mm;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>
/// Records packets: the recorder's pcap stream goes to the results channel as lines of base64 behind <c>PCAP</c>, so that results may come in between.
/// Runs as work in the background; the packets do not wait for it.
/// </summary>
internal sealed unsafe class PcapCommand : IWork, ITimerHandler
{
    // 256 KiB.
    private const int RingOrder = 6;

    // A multiple of 3: a whole number of base64's groups.
    private const int LineBytes = 57;

    // At once: the second serial port needs 7 ms for one.
    private const int MostLines = 8;

    private const ulong LookMicroseconds = 5_000;

    private static PcapCommand _instance = null!;

    private readonly WorkItem _work;
    private readonly Timer _timer;
    private bool _isOn;

    private PcapCommand()
    {
        _work = new WorkItem(this);
        _timer = new Timer(this);
    }

    /// <summary>Once, while starting.</summary>
    public static void Initialize() => _instance = new PcapCommand();

    public static bool Run(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> what) || words.TryNext(out _))
            return false;
        if (what.SequenceEqual("on"u8))
            _instance.Start();
        else if (what.SequenceEqual("off"u8))
            _instance.Stop();
        else
            return false;
        return true;
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        PcapRing ring = Network.Recorder;
        for (int lines = Math.Min(budget, MostLines); ring.Waiting >= LineBytes; lines--)
        {
            if (lines == 0)
                return true;
            WriteLine(ring, LineBytes);
        }
        // What is no whole group waits for more, or for the end.
        if (ring.Waiting >= 3)
            WriteLine(ring, (int)ring.Waiting / 3 * 3);
        if (ring.IsOn)
            _timer.Start(LookMicroseconds);
        return false;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    private void Start()
    {
        PcapRing ring = Network.Recorder;
        if (_isOn)
        {
            Terminal.WriteLine($"  packets are recorded already");
            return;
        }
        if (!Results.IsPresent)
        {
            Terminal.WriteLine($"  there is no results channel (QEMU's debug console, or COM2)");
            return;
        }
        if (!ring.HasMemory)
        {
            if (!Pages.TryTake(RingOrder, Zone.Any, out PageRun memory))
            {
                Terminal.WriteLine($"  no memory for packets");
                return;
            }
            ring.UseMemory(memory.Address, (uint)memory.Bytes);
            Own.KeepForGood(ref memory);
        }
        ring.Start();
        _isOn = true;
        _work.Mark();
        Terminal.WriteLine($"  packets go to the results channel; on the host: iso/pcap.sh > packets.pcap");
    }

    private void Stop()
    {
        PcapRing ring = Network.Recorder;
        if (!_isOn)
        {
            Terminal.WriteLine($"  packets are not recorded");
            return;
        }
        ring.Stop();
        while (ring.HasBytes)
            WriteLine(ring, LineBytes);
        _isOn = false;
        Terminal.WriteLine($"  {ring.Recorded} packets were recorded, {ring.LeftOut} had no room");
    }

    private static void WriteLine(PcapRing ring, int most)
    {
        Span<byte> bytes = stackalloc byte[LineBytes + 3], line = stackalloc byte[LineBytes / 3 * 4 + 8];
        int count = ring.Read(bytes.Slice(0, most));
        bytes.Slice(count).Clear();
        Utf8Writer text = new(line);
        text.Append("PCAP "u8);
        for (int at = 0; at < count; at += 3)
        {
            uint group = (uint)(bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2]);
            for (int i = 0; i < 4; i++)
                text.Append(at + i <= count ? Digit(group >> (18 - 6 * i) & 63) : (byte)'=');
        }
        text.Append((byte)'\n');
        Results.WriteAlone(text.Written);
    }

    // RFC 4648, section 4.
    private static byte Digit(uint value) => (byte)(value < 26 ? 'A' + value : value < 52 ? 'a' + value - 26 : value < 62 ? '0' + value - 52 : value == 62 ? '+' : '/');
}
