using System;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Hostile;

/// <summary>A way to misbehave: what a hostile node does while the script is played. What a script has not, the node does as others do.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Row">The kind of fault: packets 5, self-IDs 6, topology 7, numbers and resets 8, configuration ROM 9, sudden absence 13,
/// what never completes 14, floods 15, wrong addresses 16, memory of others 24.</param>
/// <param name="Help">What it does, for people.</param>
internal sealed record Script(string Name, int Row, string Help)
{
    /// <summary>Once, when the play begins.</summary>
    public Action<HostileNode>? Begin { get; init; }

    /// <summary>Again and again: <see cref="HostileNode.StepsOfPlay"/> times.</summary>
    public Action<HostileNode>? Step { get; init; }

    /// <summary>A packet came; null leaves it to the node.</summary>
    public Func<HostileNode, Packet, Ack?>? Receive { get; init; }

    /// <summary>Changes what all hear in the self-ID phase.</summary>
    public Action<HostileNode, List<uint>>? SelfIds { get; init; }

    /// <summary>A bus reset ended in this instant.</summary>
    public Action<HostileNode>? AfterReset { get; init; }

    /// <summary>Whether others notice only after a bus reset: one comes first, and one when it is over.</summary>
    public bool NeedsReset { get; init; }

    /// <summary>All there are, in the order in which <c>all</c> plays them.</summary>
    public static IReadOnlyList<Script> All { get; } =
        [.. PacketScripts.All, .. SelfIdScripts.All, .. ResetScripts.All, .. RomScripts.All, .. AnswerScripts.All, .. MemoryScripts.All];
}
