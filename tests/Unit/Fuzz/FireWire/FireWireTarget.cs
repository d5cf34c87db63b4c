using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>Lives of a FireWire controller.</summary>
internal sealed class FireWireTarget() : CardTarget("ohci1394", _machines)
{
    /// <summary>As of <see cref="FuzzedCard"/>.</summary>
    public const long Runs = 9_000;

    /// <inheritdoc cref="Runs"/>
    public static readonly string[] Rare =
    [
        "bus: BadCodes", "bus: BadLengths", "bus: BadSources", "bus: GivenUp", "bus: MalformedAnswers", "bus: PhyNotSent", "bus: Retries", "bus: TooLong",
        "bus: WrongResponses", "driver: BadProgress", "driver: Hangs", "driver: InterruptStorms", "driver: StreamBuffers",
        "IPv4: BadArp", "IPv4: Broadcast", "IPv4: NoPeer", "IPv4: PushedOut", "IPv4: TooScattered", "IPv4: bad packets to all",
        "disk: Aborts", "disk: BadResponses", "disk: Failed", "disk: GivenUp", "disk: LostWrites", "disk: ManagementTimeOuts", "disk: NoMemory", "disk: NotReady", "disk: ReconnectsFailed",
        "disk: TaskSets", "disk: TimeOuts", "disk: UnitAttentions", "disk: UnitResets",
    ];

    private const int Frames = 64;

    private static readonly FuzzMachineKind[] _machines =
    [
        new(new(), Frames, 60),
        new(new(Bounced: true), Frames, 30),
        new(new(64, 1), Frames, 4),
        new(new(32, 2), Frames, 2),
        new(new(128, 3, true), Frames, 2),
        new(new(Checked: true), Frames, 2),
        new(new(Bounced: true, Checked: true), Frames, 1),
        new(new(64, 4, Checked: true), Frames, 1),
    ];

    protected override FuzzMachine NewMachine(MachineKind kind, int frames) => FireWireLife.NewMachine(kind, frames);

    protected override CardLife NewLife(FuzzMachine machine, Choices choices, Outcomes outcomes) => new FireWireLife(machine, choices, outcomes);
}
