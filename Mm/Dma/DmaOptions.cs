using System;

namespace Sluice.Dma;

/// <summary>
/// What the boot argument <c>dma</c> asks for: words separated by commas. <c>bounce</c>: all mappings of all devices through bounce slots;
/// <c>bounce:ADDRESS</c>: those of one device; <c>pool:BYTES</c>: the most that all bounce slots may take, with K or M behind it;
/// <c>check</c>: look for misuse; <c>frames:any</c>: network frames from all memory, also where some cards do not reach.
/// </summary>
public readonly ref struct DmaOptions(ReadOnlySpan<byte> text)
{
    private readonly ReadOnlySpan<byte> _text = text;

    /// <summary>Whether misuse is looked for.</summary>
    public bool Check => Has("check"u8);

    /// <summary>Whether a device, by its PCI address, is forced to bounce.</summary>
    public bool Bounces(ReadOnlySpan<byte> address)
    {
        foreach (ReadOnlySpan<byte> word in new CommaWords(_text))
        {
            if (word.SequenceEqual("bounce"u8) || (word.StartsWith("bounce:"u8) && word.Slice(7).SequenceEqual(address)))
                return true;
        }
        return false;
    }

    /// <summary>The most bytes that all bounce slots may take; false if nothing is said.</summary>
    public bool TryGetPoolBytes(out ulong bytes)
    {
        bytes = 0;
        bool said = false;
        foreach (ReadOnlySpan<byte> word in new CommaWords(_text))
            said |= TryReadPool(word, ref bytes);
        return said;
    }

    /// <summary>Whether frames may lie anywhere; else they lie below 4 GiB, where every card reaches them.</summary>
    public bool FramesAnywhere
    {
        get
        {
            foreach (ReadOnlySpan<byte> word in new CommaWords(_text))
            {
                if (word.SequenceEqual("frames:any"u8))
                    return true;
            }
            return false;
        }
    }

    /// <summary>The first word that means nothing; empty if there is none.</summary>
    public ReadOnlySpan<byte> Unknown
    {
        get
        {
            ulong ignored = 0;
            foreach (ReadOnlySpan<byte> word in new CommaWords(_text))
            {
                if (!word.SequenceEqual("bounce"u8) && !word.StartsWith("bounce:"u8) && !word.SequenceEqual("check"u8) && !word.SequenceEqual("frames:any"u8)
                    && !TryReadPool(word, ref ignored))
                    return word;
            }
            return default;
        }
    }

    private bool Has(ReadOnlySpan<byte> wanted)
    {
        foreach (ReadOnlySpan<byte> word in new CommaWords(_text))
        {
            if (word.SequenceEqual(wanted))
                return true;
        }
        return false;
    }

    // Up to 9 digits, then perhaps a unit.
    private static bool TryReadPool(ReadOnlySpan<byte> word, ref ulong bytes)
    {
        if (!word.StartsWith("pool:"u8))
            return false;
        ReadOnlySpan<byte> number = word.Slice(5);
        int unit = number.IsEmpty ? 0 : number[number.Length - 1] switch { (byte)'K' => 10, (byte)'M' => 20, _ => 0 };
        if (unit != 0)
            number = number.Slice(0, number.Length - 1);
        if (number.Length is 0 or > 9)
            return false;
        ulong value = 0;
        foreach (byte digit in number)
        {
            if (digit is < (byte)'0' or > (byte)'9')
                return false;
            value = value * 10 + digit - '0';
        }
        bytes = value << unit;
        return true;
    }

    // The words between commas; empty ones are left out.
    private ref struct CommaWords(ReadOnlySpan<byte> text)
    {
        private ReadOnlySpan<byte> _rest = text;

        public ReadOnlySpan<byte> Current { get; private set; }

        public readonly CommaWords GetEnumerator() => this;

        public bool MoveNext()
        {
            while (!_rest.IsEmpty)
            {
                int end = _rest.IndexOf((byte)',');
                Current = end < 0 ? _rest : _rest.Slice(0, end);
                _rest = end < 0 ? default : _rest.Slice(end + 1);
                if (!Current.IsEmpty)
                    return true;
            }
            return false;
        }
    }
}
