using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Who may read and write memory without asking anybody: nobody, unless a driver opens it for one node while it works with it. Source: OHCI
// 1.1, sections 5.14.2 (filter) and 12 (physical requests).
public sealed unsafe partial class Ohci
{
    private ulong _openNodes;

    /// <summary>The boot argument firewire.remote_dma: every node may, always.</summary>
    public static bool IsOpenToAll { get; set; }

    /// <inheritdoc/>
    public ulong OpenNodes
    {
        get => _openNodes;
        set
        {
            if (_state != State.Running || _isInReset)
                return;
            value |= IsOpenToAll ? ulong.MaxValue : 0;
            WriteFilter(isHigh: true, (uint)(value >> 32));
            WriteFilter(isHigh: false, (uint)value);
            _openNodes = value;
        }
    }

    // The controller does so itself with each reset; said once more, it does not depend on that.
    private void ShutPhysicalMemory()
    {
        uint open = IsOpenToAll ? uint.MaxValue : 0;
        WriteFilter(isHigh: true, open);
        WriteFilter(isHigh: false, open);
        _openNodes = IsOpenToAll ? ulong.MaxValue : 0;
    }

    private void WriteFilter(bool isHigh, uint nodes)
    {
        _registers.PhysicalFilterClear(isHigh).Write(~nodes);
        if (nodes != 0)
            _registers.PhysicalFilterSet(isHigh).Write(nodes);
    }
}
