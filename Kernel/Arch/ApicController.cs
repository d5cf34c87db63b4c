using System;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>Gives drivers vectors of this CPU's local APIC, and lines of the I/O APICs; without APICs all of them are polled.</summary>
internal sealed partial class ApicController : InterruptController
{
    // Slots of messages are numbered by their vector, those of lines and polls go on behind.
    private const int FirstLineSlot = 256, LineSlots = 64;

    // Messages reach 8-bit ids; larger ones need interrupt remapping.
    private const uint HighestDestination = 254;

    private readonly InterruptSlot?[] _messageSlots = new InterruptSlot?[FirstLineSlot];
    private readonly InterruptSlot?[] _lineSlots = new InterruptSlot?[LineSlots];
    private readonly InterruptTopology _topology;
    private readonly bool _canRoute;
    private VectorAllocator _vectors;

    /// <summary>With the I/O APICs that were found, all pins masked. Interrupts off.</summary>
    public ApicController(in InterruptTopology topology, IoApic?[] ioApics)
    {
        _topology = topology;
        _ioApics = ioApics;
        _canRoute = LocalApic.IsEnabled && LocalApic.Id <= HighestDestination;
        if (LocalApic.IsEnabled && !_canRoute)
            Log.Warn($"interrupts: no device can reach local APIC {LocalApic.Id}, devices are polled");
        LinePolling.Initialize(_lineSlots);
        if (_canRoute)
            RouteNonMaskable();
    }

    public override InterruptTotals Totals => new()
    {
        Delivered = DeviceInterrupts.Delivered,
        Spurious = DeviceInterrupts.Spurious,
        Unknown = DeviceInterrupts.Unknown,
        Errors = ApicErrors.Count,
        LinesShutOff = DeviceInterrupts.LinesShutOff,
    };

    public override void Deliver(byte vector) => DeviceInterrupts.Deliver(vector);

    public override bool TryTakeMessages(ReadOnlySpan<IInterruptHandler> handlers, ReadOnlySpan<byte> name,
        out InterruptToken token, out InterruptMessage first)
    {
        token = default;
        first = default;
        if (!_canRoute || _topology.ForbidsMessages || !_vectors.TryTake(handlers.Length, out byte vector))
            return false;
        for (int i = 0; i < handlers.Length; i++)
            TakeVector((byte)(vector + i), handlers[i], name, i == 0 ? handlers.Length : 0);
        token = new InterruptToken(vector);
        first = new InterruptMessage(LocalApic.MessageAddress | LocalApic.Id << 12, vector);
        return true;
    }

    /// <summary>Takes one of the kernel's own vectors, outside of what devices may have.</summary>
    public void TakeVector(byte vector, IInterruptHandler handler, ReadOnlySpan<byte> name, int blockLength = 1)
    {
        InterruptSlot slot = _messageSlots[vector] ??= new InterruptSlot(vector);
        Bug.If(slot.IsTaken, "vector taken twice"u8);
        bool interrupts = Cpu.DisableInterrupts();
        slot.TakeMessage(handler, InterruptName.From(name), vector, blockLength);
        DeviceInterrupts.SetTarget(vector, slot);
        Cpu.RestoreInterrupts(interrupts);
    }

    public override bool TryTakePolling(ulong microseconds, IInterruptHandler handler, ReadOnlySpan<byte> name, out InterruptToken token)
    {
        if (!TryFindLineSlot(out InterruptSlot? slot))
        {
            token = default;
            return false;
        }
        bool interrupts = Cpu.DisableInterrupts();
        slot!.TakeLine(handler, InterruptName.From(name), InterruptRoute.Polled, line: null);
        ulong interval = microseconds < LinePolling.ShortestInterval ? LinePolling.ShortestInterval : microseconds;
        LinePolling.Start(slot, InterruptRoute.Polled, interval);
        Cpu.RestoreInterrupts(interrupts);
        token = new InterruptToken(slot.Token);
        return true;
    }

    public override void Release(ref InterruptToken token)
    {
        InterruptSlot slot = Find(token);
        bool interrupts = Cpu.DisableInterrupts();
        if (token.Value < FirstLineSlot)
            ReleaseMessages(slot);
        else
            ReleaseLine(slot);
        Cpu.RestoreInterrupts(interrupts);
        token = default;
    }

    public override void Mask(InterruptToken token)
    {
        InterruptSlot slot = Find(token);
        bool interrupts = Cpu.DisableInterrupts();
        if (slot.Line != null)
            slot.Line.Mask(slot);
        else
            MaskBlock(slot);
        Cpu.RestoreInterrupts(interrupts);
    }

    public override void Unmask(InterruptToken token)
    {
        InterruptSlot slot = Find(token);
        bool interrupts = Cpu.DisableInterrupts();
        if (slot.Line != null)
            slot.Line.Unmask(slot);
        else
            UnmaskBlock(slot);
        Cpu.RestoreInterrupts(interrupts);
    }

    public override InterruptRoute RouteOf(InterruptToken token) => token.IsValid ? Find(token).Route : InterruptRoute.None;

    public override bool TryNext(ref int position, out InterruptUse use)
    {
        for (; position < FirstLineSlot + LineSlots; position++)
        {
            InterruptSlot? slot = position < FirstLineSlot ? _messageSlots[position] : _lineSlots[position - FirstLineSlot];
            if (slot is not { IsTaken: true })
                continue;
            use = slot.Describe();
            position++;
            return true;
        }
        use = default;
        return false;
    }

    private InterruptSlot Find(InterruptToken token)
    {
        InterruptSlot? slot = null;
        if (token.Value is > 0 and < FirstLineSlot)
            slot = _messageSlots[token.Value];
        else if (token.Value is >= FirstLineSlot and < FirstLineSlot + LineSlots)
            slot = _lineSlots[token.Value - FirstLineSlot];
        Bug.If(slot is not { IsTaken: true }, "not an interrupt that is taken"u8);
        return slot!;
    }

    // A token of a block masks all of its messages; what is polled counts as a block of one.
    private void MaskBlock(InterruptSlot slot)
    {
        slot.Mask();
        for (int i = 1; i < slot.BlockLength; i++)
            _messageSlots[slot.Vector + i]!.Mask();
    }

    private void UnmaskBlock(InterruptSlot slot)
    {
        for (int i = 0; i < slot.BlockLength; i++)
        {
            if (_messageSlots[slot.Vector + i]!.Unmask())
                LocalApic.InterruptSelf((byte)(slot.Vector + i));
        }
        if (slot.BlockLength == 0)
            slot.Unmask();
    }

    private void ReleaseMessages(InterruptSlot slot)
    {
        byte vector = slot.Vector;
        int count = slot.BlockLength;
        Bug.If(count == 0, "a message of a block released alone"u8);
        for (int i = 0; i < count; i++)
        {
            DeviceInterrupts.SetTarget((byte)(vector + i), null);
            _messageSlots[vector + i]!.Release();
        }
        if (vector < VectorAllocator.End)
            _vectors.Give(vector, count);
    }
}
