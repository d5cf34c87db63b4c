using System;

namespace Sluice.Dma;

/// <summary>
/// What the boot argument <c>dma</c> asks for: words separated by commas. <c>bounce</c>: all mappings of all devices through bounce slots;
/// <c>bounce:ADDRESS</c>: those of one device; <c>check</c>: look for misuse.
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

    /// <summary>The first word that means nothing; empty if there is none.</summary>
    public ReadOnlySpan<byte> Unknown
    {
        get
        {
            foreach (ReadOnlySpan<byte> word in new CommaWords(_text))
            {
                if (!word.SequenceEqual("bounce"u8) && !word.StartsWith("bounce:"u8) && !word.SequenceEqual("check"u8))
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
