using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Sbp2;

/// <summary>
/// What the disks of a node, its logical units, share. One is the door to our memory: what is opened to one is open to all. So it is open while
/// a disk may have commands, and shut for all from when memory is taken back from one of them until that one has ended what it had; the others
/// begin anew then what they had under way. The other is the management agent, which does one request at a time.
/// </summary>
internal sealed class Neighbours(FireWireBus bus, IFireWireController controller, Sbp2Disk[] disks)
{
    // An agent that is silent for so long is asked by others all the same: it says if it is still busy.
    private const ulong TurnTime = 1_000_000;

    /// <summary>Opens or shuts the door of a disk's node, as its disks are now, and tells them.</summary>
    public void SetDoor(Sbp2Disk by)
    {
        bool isHeld = false, isLoose = false;
        foreach (Sbp2Disk disk in disks)
        {
            if (disk.Node != by.Node)
                continue;
            isHeld |= disk.HoldsDoor;
            isLoose |= disk.IsLoose;
        }
        bool isOpen = isHeld && !isLoose && bus.IsUp;
        if (isOpen != ((controller.OpenNodes >> by.Node & 1) != 0))
            controller.OpenNodes ^= 1ul << by.Node;
        foreach (Sbp2Disk disk in disks)
        {
            if (disk.Node != by.Node || disk.IsDoorOpen == isOpen)
                continue;
            disk.IsDoorOpen = isOpen;
            if (disk != by)
                disk.DoorWasSet();
        }
    }

    /// <summary>Whether a disk may tell the management agent now.</summary>
    public bool HasTurn(Sbp2Disk disk)
    {
        ulong now = Clock.Microseconds;
        foreach (Sbp2Disk other in disks)
        {
            if (other != disk && other.Node == disk.Node && other.Agent == disk.Agent && other.IsManaging && now < other.ToldAt + TurnTime)
                return false;
        }
        return true;
    }

    /// <summary>Whether another disk of its node is in use.</summary>
    public bool HasOther(Sbp2Disk disk)
    {
        foreach (Sbp2Disk other in disks)
        {
            if (other != disk && other.Node == disk.Node && other.State is not (DiskState.Absent or DiskState.Failed))
                return true;
        }
        return false;
    }
}
