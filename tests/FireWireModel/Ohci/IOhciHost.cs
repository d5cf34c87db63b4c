using System;

namespace Sluice.FireWire.Ohci;

/// <summary>The computer that a controller is in: memory, and an interrupt.</summary>
public interface IOhciHost
{
    /// <summary>Reads memory. False if some of it is not there or the controller may not.</summary>
    bool TryRead(ulong address, Span<byte> bytes);

    /// <summary>Writes memory. False if some of it is not there or the controller may not.</summary>
    bool TryWrite(ulong address, ReadOnlySpan<byte> bytes);

    /// <summary>Reads an aligned word at once.</summary>
    bool TryRead32(ulong address, out uint value);

    /// <summary>Writes an aligned word at once, after all before.</summary>
    bool TryWrite32(ulong address, uint value);

    /// <summary>The interrupt's level.</summary>
    void SetInterrupt(bool level);

    /// <summary>Events were cleared and others stand: whoever counts on edges needs another.</summary>
    void InterruptAgain();
}
