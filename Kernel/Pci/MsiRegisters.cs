using System;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>MSI's message control. Source: PCI Local Bus 3.0, section 6.8.1.3.</summary>
[Flags]
internal enum MsiControl : ushort
{
    Enable = 1 << 0,

    /// <summary>How many messages, as a power of two, software grants (bits 6:4).</summary>
    GrantedMask = 7 << 4,
    Has64BitAddress = 1 << 7,
    HasMasks = 1 << 8,
}

/// <summary>The MSI capability of a function: one message. Source: PCI Local Bus 3.0, section 6.8.1.</summary>
internal readonly struct MsiRegisters(PciFunction function, uint offset)
{
    /// <summary>Bytes of the smallest form: 32-bit address, no masks.</summary>
    public const uint LeastBytes = 10;

    private ConfigurationRegister<MsiControl> Control => new(function, offset + 2);

    /// <summary>
    /// Programs the message while messages are off, then turns them on. False if the address is out of the function's reach, the
    /// capability runs past the end, or the function does not take it.
    /// </summary>
    public bool TryEnable(InterruptMessage message)
    {
        MsiControl control = Control.Read();
        bool wide = (control & MsiControl.Has64BitAddress) != 0, masks = (control & MsiControl.HasMasks) != 0;
        uint data = offset + (wide ? 12u : 8u), maskBits = data + 4;
        uint bytes = (masks ? maskBits + 8 : data + 2) - offset;
        if ((!wide && message.Address >> 32 != 0) || offset + bytes > ConfigurationAccess.ConventionalBytes)
            return false;
        Control.Change(MsiControl.Enable | MsiControl.GrantedMask, 0);
        function.Write(offset + 4, 4, (uint)message.Address);
        if (wide)
            function.Write(offset + 8, 4, (uint)(message.Address >> 32));
        function.Write(data, 2, message.Data);
        if (masks)
            function.Write(maskBits, 4, 0);
        Control.Change(0, MsiControl.Enable);
        // All ones: gone. Not enabled: the capability is for show.
        return (Control.Read() & MsiControl.Enable) != 0 && !function.IsGone;
    }

    /// <summary>Turns messages off.</summary>
    public void Disable() => Control.Change(MsiControl.Enable, 0);
}
