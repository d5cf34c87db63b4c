using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Dv;
using Sluice.FireWire.Hostile;
using Sluice.FireWire.Iidc;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Sbp2;
using Sluice.FireWire.Simulation;
using Sluice.FireWire.Trace;
using Sluice.VfioUser;

namespace Sluice.FireWire.Tool;

/// <summary>A bus put together as options say, with sockets that QEMU connects to.</summary>
public sealed class Model : IDisposable
{
    private readonly Simulator _simulator = new();
    private readonly Pump _pump;
    private readonly List<OhciPciDevice> _devices = [];
    private readonly List<VfioUserServer> _servers = [];
    // Seconds that nodes wait for a guest's answers: it may be slow.
    private const int Patience = 5;

    private readonly StreamWriter? _trace;
    private readonly ulong _seed;

    /// <summary>Builds it, and listens.</summary>
    /// <param name="log">Takes lines for people.</param>
    /// <exception cref="UsageException">The options do not fit.</exception>
    public Model(Options options, Action<string> log)
    {
        _seed = options.Seed;
        Bus = new FireWireBus(_simulator, _seed);
        if (options.Trace != null)
        {
            _trace = new StreamWriter(options.Trace);
            Bus.Trace = options.Trace.EndsWith(".json", StringComparison.Ordinal) ? new ChromeTrace(Bus, _trace) : new TextTrace(Bus, _trace);
        }
        _pump = new Pump(_simulator, options.BusSpeed);
        try
        {
            foreach (MemberOptions member in options.Members)
                Add(member, log);
            Plug(options.Cables);
            for (int i = 0, device = 0; i < options.Members.Count; i++)
            {
                if (!options.Members[i].IsController)
                    continue;
                string name = Bus.Phys[i].Name;
                _servers.Add(new VfioUserServer(options.Members[i].First, _devices[device++], line => log($"{name}: {line}")));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public FireWireBus Bus { get; }

    /// <summary>Controllers that guests use, in the order of the options.</summary>
    public IReadOnlyList<OhciPciDevice> Devices => _devices;

    /// <summary>Does something to the bus while guests use it.</summary>
    public void Do(Action action)
    {
        _pump.Enter();
        try
        {
            action();
        }
        finally
        {
            _pump.Leave();
        }
    }

    public void Dispose()
    {
        foreach (VfioUserServer server in _servers)
            server.Dispose();
        _pump.Dispose();
        foreach (OhciPciDevice device in _devices)
            device.Dispose();
        foreach (Phy phy in Bus.Phys)
            (phy.Link as Sbp2Disk)?.Dispose();
        _trace?.Dispose();
    }

    private void Add(MemberOptions member, Action<string> log)
    {
        int number = Bus.Phys.Count;
        string name = member.Take("name", member.IsController ? $"host{number}" : $"{member.First}{number}");
        if (Bus.Phys.Any(phy => phy.Name == name))
            throw new UsageException($"two members are named {name}");
        Speed speed = member.TakeSpeed("speed", Speed.S400);
        ulong guid = member.TakeNumber("guid", 0x525400_F1_00000000 + (ulong)number, ulong.MaxValue);
        (OhciCard card, OhciQuirks quirks, OhciFaults faults) = TakeOddities(member);
        var traits = new PhyTraits((int)member.TakeNumber("ports", 3, Phy.MostPorts), speed, IsContender: member.IsController,
            Compliance: speed == Speed.S800 ? 2 : 1);
        // Drivers look for the PHY that the erratum is of: a TSB41BA3D.
        if ((quirks & OhciQuirks.MissingSelfId) != 0)
            traits = traits with { Vendor = 0x08_0028, Product = 0x83_3005 };
        Link? link = member.IsController ? AddController(member, guid, speed, card, quirks) : AddNode(member, guid, speed, _seed, line => log($"{name}: {line}"));
        member.Close();
        if (link is Node node)
            node.SplitSeconds = Patience;
        Do(() => Bus.Add(name, link, traits));
        if (link is OhciController controller)
            Do(() => controller.Faults = faults);
    }

    private static DvTape TakeTape(MemberOptions member)
    {
        string file = member.Take("file", "");
        string system = member.Take("system", "pal");
        try
        {
            return file.Length != 0 ? new DvTape(File.ReadAllBytes(file)) : system switch
            {
                "pal" => new DvTape(DvSystem.Pal),
                "ntsc" => new DvTape(DvSystem.Ntsc),
                _ => throw new UsageException($"system={system}: pal or ntsc is wanted"),
            };
        }
        catch (InvalidDataException wrong)
        {
            throw new UsageException($"{file}: {wrong.Message}");
        }
    }

    private static (OhciCard Card, OhciQuirks Quirks, OhciFaults Faults) TakeOddities(MemberOptions member)
    {
        if (!member.IsController)
            return (OhciCard.All[0], OhciQuirks.None, OhciFaults.None);
        try
        {
            OhciCard card = OhciCard.Find(member.Take("card", OhciCard.All[0].Name));
            return (card, card.Quirks | OhciCard.ParseQuirks(member.Take("quirk", "none")), FaultNames.Parse(member.Take("fault", "none")));
        }
        catch (ArgumentException wrong)
        {
            throw new UsageException(wrong.Message);
        }
    }

    private OhciController AddController(MemberOptions member, ulong guid, Speed speed, OhciCard card, OhciQuirks quirks)
    {
        (ushort vendor, ushort device, byte revision) = member.TakePci(card.Vendor, card.Device, card.Revision);
        var traits = new OhciTraits(guid, speed, MaxRecord: speed == Speed.S800 ? 11 : 10, Quirks: quirks);
        var pci = new OhciPciDevice(_pump, vendor, device, revision, member.TakeSwitch("msi", true), traits);
        _devices.Add(pci);
        return pci.Controller;
    }

    private static Node? AddNode(MemberOptions member, ulong guid, Speed speed, ulong seed, Action<string> log)
    {
        var information = new BusInformation(guid, speed, speed == Speed.S800 ? 11 : 10);
        switch (member.First)
        {
            case "memory":
                int bytes = (int)member.TakeNumber("size", 65536, 1 << 30);
                ulong at = member.TakeNumber("base", MemoryNode.DefaultBase, (1UL << 48) - 1);
                return new MemoryNode(information, bytes, at) { AnswersWritesAtOnce = !member.TakeSwitch("split-writes", false) };
            case "echo":
                return new EchoNode(information);
            case "ip":
                return new IpNode(information);
            case "disk":
                string file = member.Take("image", "");
                bool isReadOnly = member.TakeSwitch("read-only", false);
                var size = (long)member.TakeNumber("size", 64 << 20, long.MaxValue & ~(DiskImage.BlockBytes - 1UL));
                bool isNumbered = member.TakeSwitch("numbered", false);
                var images = new DiskImage[Math.Max(1, member.TakeNumber("luns", 1, Sbp2Disk.MostUnits))];
                for (int unit = 0; unit < images.Length; unit++)
                    images[unit] = unit == 0 && file.Length != 0 ? new DiskImage(file, isReadOnly) : new DiskImage(size, isNumbered ? (ulong)unit << Sbp2Disk.UnitShift : null);
                return new Sbp2Disk(information, images, null, log);
            case "camera":
                return new Camera(information);
            case "camcorder":
                return new Camcorder(information, TakeTape(member));
            case "hostile":
                string script = member.Take("script", "all");
                ulong play = member.TakeNumber("play", 1000, 1_000_000);
                if (script != "all" && !HostileNode.Names.Contains(script))
                    throw new UsageException($"script={script}: no script is that; --help lists them");
                return new HostileNode(information, script, seed ^ guid, Math.Max(play, 1));
            case "repeater":
                return null;
            default:
                throw new UsageException($"no kind of node is '{member.First}'");
        }
    }

    private void Plug(List<string> cables) => Do(() =>
    {
        try
        {
            for (int i = 1; cables.Count == 0 && i < Bus.Phys.Count; i++)
                Bus.Connect(Bus.Phys[i - 1], Bus.Phys[i]);
            foreach (string cable in cables)
                Commands.Connect(Bus, cable);
        }
        catch (ArgumentException wrong)
        {
            throw new UsageException(wrong.Message);
        }
    });
}
