using System;
using Sluice.Dma;
using Sluice.FireWire.Core;

namespace Sluice.Drivers.Sbp2;

/// <summary>
/// The disks of a bus: finds units of SBP-2 in ROMs and gives each logical unit that is a disk a place, which it keeps while it is away. Nothing
/// is allocated after it was made but memory for devices. Work in the CPU's loop. Source: SBP-2, ANSI NCITS 325-1998.
/// </summary>
public sealed class Sbp2Initiator : IBusClient, INodeClient
{
    /// <summary>Places, those that a node has at most, and unit directories of it that are looked at.</summary>
    public const int MostDisks = 8, MostOfNode = 4, MostDirectories = 8;

    /// <summary>Where in our space the windows of the disks are; above all memory that controllers serve by themselves.</summary>
    public const ulong Windows = 0x5342_5032_0000;

    private readonly Sbp2Disk[] _disks = new Sbp2Disk[MostDisks];
    private readonly FireWireBus _bus;
    private readonly RemoteNodes _nodes;
    private readonly IFireWireController _controller;

    /// <summary>Begins to look for disks. Only while the kernel starts.</summary>
    /// <param name="controller">Whose doors are opened to disks while they work.</param>
    /// <param name="dma">Its reach; addresses of 32 bits, as what it serves by itself may end there.</param>
    /// <param name="asked">Workarounds for all disks.</param>
    public Sbp2Initiator(FireWireBus bus, RemoteNodes nodes, IFireWireController controller, DmaDevice dma, Workarounds asked = Workarounds.None)
    {
        _bus = bus;
        _nodes = nodes;
        _controller = controller;
        if ((dma.StreamingMask | dma.CoherentMask) >> 32 != 0)
            Bug.Stop("disks of SBP-2 are given memory that controllers need not reach"u8);
        var neighbours = new Neighbours(bus, controller, _disks);
        for (int i = 0; i < MostDisks; i++)
        {
            _disks[i] = new Sbp2Disk(bus, nodes, neighbours, dma, Windows + (ulong)i * LoginWindow.WindowBytes, asked);
            bus.Addresses.Add(_disks[i].Window).Ignore("a disk whose window does not fit never gets an answer, and is given up"u8);
        }
        bus.AddClient(this).Ignore("without it all disks stay away"u8);
        nodes.AddClient(this).Ignore("without it all disks stay away"u8);
    }

    /// <summary>Places of disks, with and without one.</summary>
    public ReadOnlySpan<Sbp2Disk> Disks => _disks;

    /// <summary>Unit directories that have no disk for us, by the last reason; disks, and directories that were not looked at, for which there was no place.</summary>
    public ulong UnitsRefused { get; private set; }

    public UnitFault LastFault { get; private set; }

    public ulong NoPlace { get; private set; }

    /// <inheritdoc/>
    public void BusChanged()
    {
        foreach (Sbp2Disk disk in _disks)
            disk.BusChanged();
    }

    /// <inheritdoc/>
    public void NodeKnown(int node)
    {
        RomImage? rom = _nodes.ImageOf(node);
        if (rom == null)
            return;
        RomEntries entries = rom.Entries(rom.Root);
        for (int directories = 0; rom.TryFindUnit(ref entries, Sbp2Unit.Specifier, Sbp2Unit.Version, out int directory); directories++)
        {
            if (directories >= MostDirectories)
            {
                NoPlace++;
                continue;
            }
            UnitFault fault = Sbp2Unit.Read(rom, directory, out Sbp2Unit unit);
            if (fault != UnitFault.None)
            {
                UnitsRefused++;
                LastFault = fault;
                continue;
            }
            LogicalUnits disks = new(rom, directory);
            while (disks.TryNext(out unit.LogicalUnit))
            {
                Sbp2Disk? disk = PlaceFor(rom.Guid, unit);
                if (disk == null)
                    NoPlace++;
                else
                    disk.Found(node, rom.Guid, unit);
            }
        }
    }

    /// <summary>Shuts all doors before the machine is restarted or switched off: no disk reaches memory any more.</summary>
    public void Quiesce() => _controller.OpenNodes = 0;

    // Its own, or else one that nobody has had, or one whose disk is gone.
    private Sbp2Disk? PlaceFor(ulong guid, in Sbp2Unit unit)
    {
        Sbp2Disk? place = null, own = null;
        int used = 0;
        foreach (Sbp2Disk disk in _disks)
        {
            if (disk.IsOf(guid, unit))
                own = disk;
            if (disk.State != DiskState.Absent)
                used += disk.Guid == guid ? 1 : 0;
            else if (place == null || (place.Guid != 0 && disk.Guid == 0))
                place = disk;
        }
        if (own != null && own.State != DiskState.Absent)
            return own;
        return used < MostOfNode ? own ?? place : null;
    }
}
