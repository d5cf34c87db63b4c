using System;
using System.Runtime.InteropServices;

namespace Sluice.Drivers.I8255x;

// What the device finds in memory. Links and addresses are 32 bits, in the device's byte order.

/// <summary>
/// A command block with room for what belongs to the command: of a transmit command, the list of its pieces. Source: 8255x manual,
/// sections 6.4.1 and 6.4.2.5.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CommandBlock
{
    /// <summary>Pieces of a frame that there is room for.</summary>
    public const int MostPieces = 6;

    /// <summary>Where the pieces' list begins.</summary>
    public const uint PiecesOffset = 16;

    /// <summary>Status in the lower half, which the device writes, command in the upper.</summary>
    public uint StatusAndCommand;

    public uint Link;

    /// <summary>Where the list of pieces is: right behind.</summary>
    public uint Pieces;

    /// <summary>Bytes of data behind the block, none; threshold; and in the topmost byte how many pieces.</summary>
    public uint Counts;

    public FramePieces List;
}

/// <summary>Address and, in the upper half, length of each piece; bit 16 of that says that it is the last.</summary>
[System.Runtime.CompilerServices.InlineArray(CommandBlock.MostPieces)]
internal struct FramePieces
{
    private ulong _first;
}

/// <summary>Bits of a block's first word.</summary>
[Flags]
internal enum BlockWord : uint
{
    /// <summary>The device is done with the block.</summary>
    Complete = 1 << 15,

    /// <summary>And it worked.</summary>
    Ok = 1 << 13,

    None = 0,
    Address = 1 << 16,
    Configure = 2 << 16,
    Multicast = 3 << 16,
    Transmit = 4 << 16,

    /// <summary>Of a transmit command: the frame is where the list of pieces says.</summary>
    Flexible = 1 << 19,

    /// <summary>Interrupt when done.</summary>
    Interrupt = 1 << 29,

    /// <summary>The command unit rests after it until it is resumed.</summary>
    Suspend = 1 << 30,

    /// <summary>A command that ends what the command unit does for now.</summary>
    End = Interrupt | Suspend,
}

/// <summary>
/// A receive frame descriptor; the data lies behind it (simplified mode, the one there is). Source: 8255x manual, section 6.4.3.1.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveHeader
{
    /// <summary>Its length, which is where the data begins.</summary>
    public const uint Bytes = 16;

    // Where its words are.
    public const uint StatusWord = 0, LinkWord = 4, CountWord = 12;

    /// <summary>Status and command, and the link in the upper half.</summary>
    public ulong StatusAndLink;

    /// <summary>Reserved in the lower half; actual count, and in the topmost quarter the size of the room for data.</summary>
    public ulong Counts;
}

/// <summary>Bits of a receive frame descriptor's first word.</summary>
[Flags]
internal enum ReceiveWord : uint
{
    None = 0,

    /// <summary>The frame is in memory.</summary>
    Complete = 1 << 15,

    /// <summary>Without an error.</summary>
    Ok = 1 << 13,

    /// <summary>The room was shorter than the frame.</summary>
    NoRoom = 1 << 9,

    /// <summary>What tells a frame that is in memory and well.</summary>
    Good = Complete | Ok,
    Verdict = Complete | Ok | NoRoom,

    /// <summary>The list ends with it.</summary>
    EndOfList = 1u << 31,
}

/// <summary>The lower half of a receive frame descriptor's last word.</summary>
[Flags]
internal enum ReceiveCount : uint
{
    /// <summary>Bytes of data.</summary>
    Mask = 0x3FFF,

    /// <summary>The count was written.</summary>
    Updated = 1 << 14,

    /// <summary>The frame ends here.</summary>
    EndOfFrame = 1 << 15,

    Flags = Updated | EndOfFrame,
}
