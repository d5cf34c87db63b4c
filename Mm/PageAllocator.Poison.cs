using System;
using Sluice.Platform;

namespace Sluice.Mm;

public sealed unsafe partial class PageAllocator
{
    /// <summary>What the bytes of a page that was given back are set to.</summary>
    public const byte PoisonByte = 0xDB;

    /// <summary>
    /// Whether pages are filled with <see cref="PoisonByte"/> when they are given back and checked when they are taken
    /// again: a byte that changed in between stops the machine. Pages never taken yet are not checked. Chosen at the start.
    /// </summary>
    public bool Poison { get; private set; }

    private void PutPoison(uint frame, int order)
    {
        Page* pages = _sections.PageAt(frame);
        ushort owner = pages->Owner;
        new Span<byte>(PhysicalMemory.At(PhysAddr.FromFrame(frame)), (int)PhysAddr.PageSize << order).Fill(PoisonByte);
        for (uint i = 0; i < 1u << order; i++)
        {
            pages[i].State = Page.Poisoned;
            pages[i].Owner = owner;
        }
    }

    private void CheckPoison(uint frame, int order)
    {
        Page* pages = _sections.PageAt(frame);
        for (uint i = 0; i < 1u << order; i++)
        {
            if (pages[i].State != Page.Poisoned)
                continue;
            pages[i].State = 0;
            byte* bytes = PhysicalMemory.At(PhysAddr.FromFrame(frame + i));
            for (uint offset = 0; offset < PhysAddr.PageSize; offset += sizeof(ulong))
            {
                if (*(ulong*)(bytes + offset) != PoisonByte * 0x0101_0101_0101_0101UL)
                    StopForPoison(frame + i, offset, bytes, OwnerTag.FromId(pages[i].Owner));
            }
        }
    }

    private static void StopForPoison(uint frame, uint offset, byte* bytes, OwnerTag owner)
    {
        while (bytes[offset] == PoisonByte)
            offset++;
        byte found = bytes[offset];
        ReadOnlySpan<byte> name = owner.Name;
        Utf8Message what = $"page 0x{frame:x} (last owner: {name}) was written after it was given back: 0x{found:x2} at 0x{offset:x}";
        Bug.Stop(what.Text);
    }
}
