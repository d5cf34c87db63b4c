using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;

namespace Sluice.Net;

/// <summary>What is done to packets that may lie in several frames.</summary>
public static unsafe class Packet
{
    /// <summary>Where the first frame's data begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Data(ref readonly Frame frame) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(frame.Bytes));

    /// <summary>Cuts a packet off behind so many bytes; frames that are empty then are freed.</summary>
    public static void Trim(ref Frame packet, uint bytes)
    {
        uint first = packet.Length;
        if (bytes < first)
            packet.SetLength(bytes);
        if (!packet.HasRest)
            return;
        Frame rest = packet.TakeRest();
        if (bytes <= first)
        {
            rest.Free();
            return;
        }
        Trim(ref rest, bytes - first);
        packet.Append(ref rest);
    }

    /// <summary>Copies a packet's bytes from an offset on; returns how many there were, at most as many as there is room for.</summary>
    public static int CopyTo(ref Frame packet, uint offset, Span<byte> room)
    {
        int copied = 0;
        if (offset < packet.Length)
        {
            Span<byte> part = packet.Bytes.Slice((int)offset);
            if (part.Length > room.Length)
                part = part.Slice(0, room.Length);
            part.CopyTo(room);
            copied = part.Length;
            offset = 0;
        }
        else
        {
            offset -= packet.Length;
        }
        if (copied == room.Length || !packet.HasRest)
            return copied;
        Frame rest = packet.TakeRest();
        copied += CopyTo(ref rest, offset, room.Slice(copied));
        packet.Append(ref rest);
        return copied;
    }

    /// <summary>The Internet checksum's sum of some of a packet's bytes, not folded; it has them all.</summary>
    public static ulong Sum(ref Frame packet, uint offset, uint bytes)
    {
        uint here = packet.Length - offset;
        if (bytes <= here)
            return InternetChecksum.Sum(Data(ref packet) + offset, bytes);
        ulong sum = InternetChecksum.Sum(Data(ref packet) + offset, here);
        Frame rest = packet.TakeRest();
        ulong behind = Sum(ref rest, 0, bytes - here);
        packet.Append(ref rest);
        return sum + ((here & 1) != 0 ? InternetChecksum.Swap(behind) : behind);
    }
}
