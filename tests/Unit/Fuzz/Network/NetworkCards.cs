namespace Sluice.Tests.Fuzz.Network;

/// <summary>The cards that are fuzzed.</summary>
internal static class NetworkCards
{
    public static readonly INetworkCardKind[] All = [new E1000eCard(), new I8255xCard()];
}
