using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Sbp2;

/// <summary>A disk: a node that takes SCSI commands from initiators' memory. Source: SBP-2, ANSI NCITS 325-1998.</summary>
public sealed class Sbp2Disk : Node, IDisposable
{
    /// <summary>The management agent's register.</summary>
    public const ulong ManagementOffset = Csr.Base + 0x1_0000;

    /// <summary>An initiator that does not come back after a bus reset is forgotten after so long, or sooner.</summary>
    public const int MostHoldSeconds = 16;

    /// <summary>Logical units at most, and where a unit's number is in its blocks if they are numbered.</summary>
    public const int MostUnits = ManagementAgent.MostLogins, UnitShift = 56;

    private const ulong Agents = ManagementOffset + 0x100;

    private readonly ManagementAgent _management;

    /// <summary>A disk on an image, which it owns.</summary>
    /// <param name="log">Takes lines for people, or null.</param>
    public Sbp2Disk(in BusInformation information, DiskImage image, Action<string>? log = null) : this(information, [image], null, log)
    {
    }

    /// <summary>A node with a logical unit for each image, which it owns.</summary>
    /// <param name="root">What its ROM says instead; null for the truth.</param>
    /// <param name="log">Takes lines for people, or null.</param>
    public Sbp2Disk(in BusInformation information, DiskImage[] images, RomDirectory? root, Action<string>? log = null)
        : base(information, root ?? Directory(information, images.Length))
    {
        ulong guid = information.Guid;
        Units = [.. images.Select((image, number) => new ScsiDisk(image, number == 0 ? $"{guid:X16}" : $"{guid:X16}-{number}"))];
        Log = log;
        _management = new ManagementAgent(this);
    }

    /// <summary>What its commands work on, by number.</summary>
    public IReadOnlyList<ScsiDisk> Units { get; }

    /// <summary>The first.</summary>
    public ScsiDisk Unit => Units[0];

    /// <summary>Commands that were done, with and without success.</summary>
    public long Commands { get; private set; }

    public long FailedCommands { get; private set; }

    /// <summary>Initiators that are logged in.</summary>
    public int LoginCount => _management.Logins.Count;

    internal Action<string>? Log { get; }

    /// <summary>The most data of its packets.</summary>
    internal int MostPayload => MostBytes;

    /// <summary>Where a login's fetch agent is.</summary>
    internal static ulong AgentOffset(int login) => Agents + ((ulong)login * FetchAgent.Bytes);

    public void Dispose()
    {
        foreach (ScsiDisk unit in Units)
            unit.Image.Dispose();
    }

    public override void ResetStarted()
    {
        _management.ResetStarted();
        base.ResetStarted();
    }

    internal void Ended(bool isGood)
    {
        Commands += isGood ? 1 : 0;
        FailedCommands += isGood ? 0 : 1;
    }

    /// <summary>The speed to a node, or a lower one.</summary>
    internal Speed SpeedTo(ushort node, Speed most) => (Speed)Math.Min((int)most, (int)Phy.Segment.SpeedBetween(Phy.PhysicalId, node & 0x3F));

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data)
    {
        if (offset - ManagementOffset < ManagementAgent.Bytes)
            return _management.Read((int)(offset - ManagementOffset), data);
        return FindAgent(source, offset, out Rcode rcode, out int register) is { } agent ? agent.Read(register, data) : rcode;
    }

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
    {
        if (offset - ManagementOffset < ManagementAgent.Bytes)
            return _management.Write(source, (int)(offset - ManagementOffset), data);
        return FindAgent(source, offset, out Rcode rcode, out int register) is { } agent ? agent.Write(register, data) : rcode;
    }

    // Only its initiator may touch it.
    private FetchAgent? FindAgent(ushort source, ulong offset, out Rcode rcode, out int register)
    {
        Login? login = _management.Logins.FirstOrDefault(login => offset - AgentOffset(login.Id) < FetchAgent.Bytes);
        register = (int)(offset - Agents) & (FetchAgent.Bytes - 1);
        rcode = login == null ? Rcode.AddressError : Rcode.TypeError;
        return login is { IsConnected: true } && login.NodeId == source ? login.Agent : null;
    }

    // Source: SBP-2, section 7: specifier and version, SCSI command set, management agent, ORB size and time-out, logical units from 0 on, all disks.
    private static RomDirectory Directory(in BusInformation information, int units)
    {
        const uint managementQuadlets = (uint)((ManagementOffset - Csr.Base) / 4), timeout = 20, orbQuadlets = CommandOrb.Bytes / 4;
        RomDirectory unit = new RomDirectory().Value(0x12, 0x00_609E).Value(0x13, 0x01_0483).Value(0x38, 0x00_609E).Value(0x39, 0x01_04D8).Value(0x3B, 1)
            .Value(0x3C, 1).Value(0x54, managementQuadlets).Value(0x3A, (timeout << 8) | orbQuadlets).Value(0x17, 3).Text("Disk");
        for (uint number = 0; number < units; number++)
            unit.Value(0x14, number);
        return new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 3).Text("Disk").Value(0x0C, 0x00_83C0).Directory(0xD1, unit);
    }
}
