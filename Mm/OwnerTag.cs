using System;

namespace Sluice.Mm;

/// <summary>
/// Says on whose behalf pages are held. Costs nothing to carry, so every run has one; the leak report sums by it.
/// </summary>
public readonly struct OwnerTag
{
    /// <summary>Most tags there can be, <see cref="None"/> included.</summary>
    public const int MaxCount = 128;

    private const int NameBytes = 24;

    private static readonly byte[] _names = new byte[MaxCount * NameBytes];
    private static readonly byte[] _nameLengths = new byte[MaxCount];
    private static int _count = 1;

    private OwnerTag(int id) => Id = (ushort)id;

    /// <summary>The tag's number; 0 is <see cref="None"/>.</summary>
    public ushort Id { get; }

    /// <summary>Nobody in particular.</summary>
    public static OwnerTag None => default;

    /// <summary>How many tags there are, <see cref="None"/> included.</summary>
    public static int Count => _count;

    /// <summary>What people read; cut to 24 bytes, "untagged" for <see cref="None"/>.</summary>
    public ReadOnlySpan<byte> Name => Id == 0 ? "untagged"u8 : new ReadOnlySpan<byte>(_names, Id * NameBytes, _nameLengths[Id]);

    /// <summary>
    /// A tag with a name; the same one for the same name. <see cref="None"/> when all are in use.
    /// Only while the kernel starts.
    /// </summary>
    public static OwnerTag Register(ReadOnlySpan<byte> name)
    {
        if (name.Length > NameBytes)
            name = name.Slice(0, NameBytes);
        for (int id = 1; id < _count; id++)
        {
            if (new OwnerTag(id).Name.SequenceEqual(name))
                return new OwnerTag(id);
        }
        if (_count == MaxCount)
            return None;
        name.CopyTo(new Span<byte>(_names, _count * NameBytes, NameBytes));
        _nameLengths[_count] = (byte)name.Length;
        return new OwnerTag(_count++);
    }

    /// <summary>The tag with a number; below <see cref="Count"/>.</summary>
    public static OwnerTag FromId(int id) => new(id);
}
