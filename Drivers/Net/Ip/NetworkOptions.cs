using System;
using Sluice.Runtime;

namespace Sluice.Net;

/// <summary>How a card gets its address.</summary>
public enum NetworkUse : byte
{
    /// <summary>From a DHCP server.</summary>
    Dhcp,

    /// <summary>From the boot argument.</summary>
    Static,

    /// <summary>Not at all: nobody listens to the card.</summary>
    None,
}

/// <summary>What the boot argument <c>net</c> says about one card.</summary>
public struct CardOptions
{
    public NetworkUse Use;
    public Ipv4Address Address, Gateway;
    public int Prefix;
    public ushort Vlan;
}

/// <summary>
/// The boot argument <c>net</c>: words separated by commas. <c>dhcp</c> (the default), <c>none</c>, <c>ADDRESS/BITS</c>, <c>gateway:ADDRESS</c>,
/// <c>vlan:NUMBER</c>. Words count for all cards, addresses for the first; behind a card's PCI address (<c>00:04.0</c>) words count for that card alone.
/// </summary>
public readonly ref struct NetworkOptions(ReadOnlySpan<byte> text)
{
    private readonly ReadOnlySpan<byte> _text = text;

    /// <summary>What it says about a card.</summary>
    /// <param name="card">Its PCI address as text.</param>
    /// <param name="isFirst">Whether it is the first card.</param>
    /// <param name="unknown">The first word that means nothing; empty if there is none.</param>
    public CardOptions For(ReadOnlySpan<byte> card, bool isFirst, out ReadOnlySpan<byte> unknown)
    {
        CardOptions options = default;
        unknown = default;
        bool isForAll = true, isForThis = false;
        ReadOnlySpan<byte> rest = _text;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)',');
            ReadOnlySpan<byte> word = end < 0 ? rest : rest.Slice(0, end);
            rest = end < 0 ? default : rest.Slice(end + 1);
            if (word.IsEmpty)
                continue;
            if (IsCard(word))
            {
                isForAll = false;
                isForThis = word.SequenceEqual(card);
                continue;
            }
            CardOptions said = options;
            if (!TryTake(word, ref said, out bool isAddress))
            {
                if (unknown.IsEmpty)
                    unknown = word;
            }
            else if (isForThis || isForAll && (isFirst || !isAddress))
            {
                options = said;
            }
        }
        return options;
    }

    private static bool TryTake(ReadOnlySpan<byte> word, ref CardOptions options, out bool isAddress)
    {
        isAddress = false;
        if (word.SequenceEqual("none"u8))
        {
            options.Use = NetworkUse.None;
            return true;
        }
        if (word.SequenceEqual("dhcp"u8))
        {
            options.Use = NetworkUse.Dhcp;
            return true;
        }
        if (word.StartsWith("vlan:"u8))
        {
            bool isNumber = NumberParse.TryParse(word.Slice(5), out ulong vlan) && vlan is >= 1 and <= 4094;
            options.Vlan = (ushort)vlan;
            return isNumber;
        }
        isAddress = true;
        if (word.StartsWith("gateway:"u8))
            return Ipv4Address.TryParse(word.Slice(8), out options.Gateway) && options.Gateway.IsHost;
        int slash = word.IndexOf((byte)'/');
        if (slash < 0 || !Ipv4Address.TryParse(word.Slice(0, slash), out options.Address) || !options.Address.IsHost ||
            !NumberParse.TryParse(word.Slice(slash + 1), out ulong prefix) || prefix is < 1 or > 32)
            return false;
        options.Use = NetworkUse.Static;
        options.Prefix = (int)prefix;
        return true;
    }

    // As a PCI address is written: BB:DD.F.
    private static bool IsCard(ReadOnlySpan<byte> word) => word.Length == 7 && word[2] == ':' && word[5] == '.';

    /// <summary>Reads <c>ADDRESS[:PORT]</c>; the port is <paramref name="port"/> if none is given.</summary>
    public static bool TryParseEndpoint(ReadOnlySpan<byte> text, out Ipv4Address address, ref ushort port)
    {
        int colon = text.IndexOf((byte)':');
        if (colon >= 0)
        {
            if (!NumberParse.TryParse(text.Slice(colon + 1), out ulong number) || number is 0 or > ushort.MaxValue)
            {
                address = default;
                return false;
            }
            port = (ushort)number;
            text = text.Slice(0, colon);
        }
        return Ipv4Address.TryParse(text, out address);
    }
}
