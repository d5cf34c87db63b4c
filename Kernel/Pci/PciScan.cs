using System;

namespace Sluice.Pci;

/// <summary>
/// Finds all functions behind some ways into configuration space. Firmware has numbered the buses; nothing is renumbered. Each bus is
/// walked once, whatever bridges say, so it ends: after at most 256 buses a segment. Roots are bus 0 and the first bus of each ECAM
/// region; root buses that only ACPI's namespace knows are not found.
/// </summary>
public sealed class PciScan(ConfigurationAccess? legacy, EcamConfiguration[] ecam)
{
    /// <summary>Most functions that are kept.</summary>
    public const int MostFunctions = 1024;

    private const int BusesPerSegment = 256;
    private const int MostComplaints = 32;

    private PciFunction[] _functions = new PciFunction[64];
    private int _count, _complaints;

    /// <summary>What was found.</summary>
    public ReadOnlySpan<PciFunction> Functions => new(_functions, 0, _count);

    /// <summary>Buses walked.</summary>
    public int Buses { get; private set; }

    /// <summary>Functions, BARs, bridges and capabilities that something was wrong with.</summary>
    public int Faults { get; private set; }

    /// <summary>
    /// Walks all buses, sizes all BARs and checks them against <paramref name="memory"/>: what is already taken. Once.
    /// </summary>
    public void Run(AddressClaims memory)
    {
        WalkSegment(0);
        for (int i = 0; i < ecam.Length; i++)
        {
            ushort segment = ecam[i].Region.Segment;
            bool isFirst = segment != 0;
            for (int j = 0; j < i; j++)
                isFirst &= ecam[j].Region.Segment != segment;
            if (isFirst)
                WalkSegment(segment);
        }
        ClaimAddresses(memory);
        foreach (PciFunction function in Functions)
            CheckCapabilities(function);
    }

    private void WalkSegment(ushort segment)
    {
        var state = new BusState[BusesPerSegment];
        var bridges = new PciFunction?[BusesPerSegment];
        if (segment == 0)
            state[0] = BusState.Pending;
        foreach (EcamConfiguration access in ecam)
        {
            if (access.Region.Segment == segment)
                state[access.Region.FirstBus] = BusState.Pending;
        }
        while (TryTakePending(state, out byte bus))
        {
            ConfigurationAccess? access = FindAccess(segment, bus);
            if (access == null)
                Complain($"bus {bus:x2} of segment {segment} cannot be reached");
            else
                WalkBus(access, new PciAddress(segment, bus, 0, 0), state, bridges);
        }
    }

    private static bool TryTakePending(BusState[] state, out byte bus)
    {
        for (int i = 0; i < state.Length; i++)
        {
            if (state[i] != BusState.Pending)
                continue;
            state[i] = BusState.Walked;
            bus = (byte)i;
            return true;
        }
        bus = 0;
        return false;
    }

    private void WalkBus(ConfigurationAccess access, PciAddress first, BusState[] state, PciFunction?[] bridges)
    {
        Buses++;
        for (int device = 0; device < PciAddress.DevicesPerBus; device++)
        {
            int functions = 1;
            for (int number = 0; number < functions; number++)
            {
                PciFunction? function = PciFunction.Read(access, new PciAddress(first.Segment, first.Bus, device, number), out bool isMultiFunction);
                if (number == 0 && isMultiFunction)
                    functions = PciAddress.FunctionsPerDevice;
                if (function == null)
                    continue;
                if (_count == MostFunctions)
                {
                    Complain($"more than {MostFunctions} functions; {function.Address} and what follows is left out");
                    state.AsSpan().Fill(BusState.Walked);
                    return;
                }
                function.Bridge = bridges[first.Bus];
                Add(function);
                BarSizing.Run(function);
                function.SilencePin();
                if (function.Kind == HeaderKind.Bridge)
                    FollowBridge(function, state, bridges);
            }
        }
    }

    private void FollowBridge(PciFunction bridge, BusState[] state, PciFunction?[] bridges)
    {
        uint primary = bridge.Read(ConfigurationOffsets.PrimaryBus, 1);
        uint secondary = bridge.Read(ConfigurationOffsets.SecondaryBus, 1);
        uint subordinate = bridge.Read(ConfigurationOffsets.SubordinateBus, 1);
        if (secondary == 0 || secondary == bridge.Address.Bus || subordinate < secondary)
            Complain($"{bridge.Address}: bridge from bus {primary:x2} to {secondary:x2}, {subordinate:x2} is not numbered sensibly; not followed");
        else if (state[secondary] != BusState.Unknown)
            Complain($"{bridge.Address}: bridge leads to bus {secondary:x2}, which is known already; not followed");
        else
            (state[secondary], bridges[secondary]) = (BusState.Pending, bridge);
    }

    // ECAM where firmware tells the truth about it: what the ports show on the bus must be there too.
    private ConfigurationAccess? FindAccess(ushort segment, byte bus)
    {
        ConfigurationAccess? ports = segment == 0 ? legacy : null;
        PciAddress first = new(segment, bus, 0, 0);
        foreach (EcamConfiguration access in ecam)
        {
            if (access.Reach(first) == 0)
                continue;
            if (ports == null || Agree(access, ports, bus))
                return access;
            Complain($"bus {bus:x2}: memory at {access.Region.AddressOf(bus).Value:x} shows other devices than the ports; using those");
        }
        return ports;
    }

    private static bool Agree(ConfigurationAccess memory, ConfigurationAccess ports, byte bus)
    {
        for (int device = 0; device < PciAddress.DevicesPerBus; device++)
        {
            PciAddress address = new(0, bus, device, 0);
            if (memory.Read(address, ConfigurationOffsets.VendorId, 4) != ports.Read(address, ConfigurationOffsets.VendorId, 4))
                return false;
        }
        return true;
    }

    private void Add(PciFunction function)
    {
        if (_count == _functions.Length)
        {
            var larger = new PciFunction[_count * 2];
            Functions.CopyTo(larger);
            _functions = larger;
        }
        _functions[_count++] = function;
    }

    // Functions that decode go first: what is switched off must not take away what is in use.
    private void ClaimAddresses(AddressClaims memory)
    {
        AddressClaims ports = new();
        ports.MakeRoom(_count * PciFunction.MostBars);
        memory.MakeRoom(_count * PciFunction.MostBars);
        foreach (PciFunction function in Functions)
            Claim(function, memory, ports, decoding: true);
        foreach (PciFunction function in Functions)
            Claim(function, memory, ports, decoding: false);
    }

    private void Claim(PciFunction function, AddressClaims memory, AddressClaims ports, bool decoding)
    {
        PciCommand command = function.Command.Read();
        ReadOnlySpan<Bar> bars = function.Bars;
        for (int i = 0; i < bars.Length; i++)
        {
            Bar bar = bars[i];
            PciCommand space = bar.IsMemory ? PciCommand.MemorySpace : PciCommand.PortSpace;
            if (!bar.IsPresent || decoding != ((command & space) != 0))
                continue;
            if (bar.Fault == BarFault.None)
            {
                BarFault fault = (bar.IsMemory ? memory : ports).TryClaim(bar.Address, bar.Bytes);
                if (fault != BarFault.None)
                    function.SetBar(i, bar.Refuse(fault));
            }
            Report(function, i);
        }
    }

    private void Report(PciFunction function, int index)
    {
        Bar bar = function.Bars[index];
        ReadOnlySpan<byte> why = bar.Fault switch
        {
            BarFault.Malformed => "is malformed"u8,
            BarFault.Misplaced => "is not where its size allows"u8,
            BarFault.OverlapsMemory => "lies over memory"u8,
            BarFault.OverlapsPlatform => "lies over registers of the platform"u8,
            BarFault.OverlapsBar => "lies over another BAR"u8,
            _ => default,                       // sound, or harmless: no address, a host bridge's own
        };
        if (!why.IsEmpty)
            Complain($"{function.Address}: BAR {index} at {bar.Address.Value:x}, {new ByteSize(bar.Bytes)}, {why}; not used");
    }

    private void CheckCapabilities(PciFunction function)
    {
        CapabilityWalk walk = function.Capabilities;
        uint offset;
        while (walk.TryNext(out _, out offset))
        {
        }
        if (walk.End != WalkEnd.Regular)
            Complain($"{function.Address}: list of capabilities broken at {offset:x2}; what follows is not seen");
        ExtendedCapabilityWalk extended = function.ExtendedCapabilities;
        while (extended.TryNext(out _, out offset))
        {
        }
        if (extended.End != WalkEnd.Regular)
            Complain($"{function.Address}: list of extended capabilities broken at {offset:x3}; what follows is not seen");
    }

    private void Complain(scoped in Utf8Message what)
    {
        if (Faults++ < MostComplaints)
            Log.Warn($"pci: {what.Text}");
    }

    private enum BusState : byte
    {
        Unknown,
        Pending,
        Walked,
    }
}
