using System;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

/// <summary>
/// The way of all mappings while the checker is on. The device works on a copy between guards: in a shadow, pages as high as the mask
/// allows, or in bounce slots where the mapping takes some anyway. While it does, the CPU's bytes wait elsewhere and a pattern stands in
/// their place; while it does not, one stands in the copy. Whoever touches what is the other's is found at the next hand-over.
/// </summary>
internal sealed unsafe partial class CheckedPath(DmaSystem system, DmaChecker checker) : DmaPath
{
    public override ReadOnlySpan<byte> Name => "checked"u8;

    public override Error Open(Mapping* mapping)
    {
        DmaDevice device = mapping->Device.Target;
        CheckRecord* record = checker.TryBegin(mapping);
        if (record == null)
            return checker.Refuse(device, "records"u8);
        if (!TryTakeKept(record))
        {
            checker.Abandon(record);
            return checker.Refuse(device, "the CPU's bytes"u8);
        }
        bool bounces = mapping->Kind.PlainFamily == DmaFamily.Mapped && device.NeedsBounce(mapping->Memory, mapping->Room);
        Error error = bounces ? OpenSlots(mapping, record) : OpenShadow(mapping, record);
        if (error != Error.None)
        {
            GiveKept(record);
            checker.Abandon(record);
            return error;
        }
        checker.Enter(record);
        return Error.None;
    }

    public override void ForDevice(Mapping* mapping, uint offset, uint bytes)
    {
        CheckRecord* record = CheckRecord.Of(mapping);
        DmaDevice device = mapping->Device.Target;
        CheckLimits(mapping, record, device);
        Look(record);
        CheckGuards(record);
        CheckUntouched(record, offset, bytes);
        if (mapping->Direction != DmaDirection.FromDevice)
            CheckWritten(mapping, record, offset, bytes);
        byte* memory = At(mapping->Memory + offset);
        BlockCopy.Copy(KeptAt(record, offset), memory, bytes);
        if (mapping->Direction == DmaDirection.FromDevice)
            Pattern.Fill(mapping->Address + offset, bytes, Pattern.Unwritten);
        else if (record->Shadow == 0)
            system.Bounce.ForDevice(mapping, offset, bytes);
        else
            BlockCopy.Copy(At(mapping->Address + offset), memory, bytes);
        Clean(record);
        new Span<byte>(memory, (int)bytes).Fill(Pattern.Poison);
        if (mapping->Side == Side.Device)
        {
            KeepLine(mapping, record, bytes);
            mapping->Side = Side.Watched;
        }
    }

    /// <summary>The device's turn ends for all that it was given.</summary>
    /// <param name="mapping">With <see cref="Mapping.Given"/> still what was given.</param>
    /// <param name="written">Bytes that the device says it wrote, no more than it was given; 0 where it only reads.</param>
    public void TakeBack(Mapping* mapping, uint written)
    {
        CheckLine(mapping);
        TakeBack(mapping, 0, mapping->Given, written);
    }

    /// <summary>The device's turn ends for a part of what it was given, of which it wrote the front.</summary>
    public void TakeBack(Mapping* mapping, uint offset, uint bytes, uint written)
    {
        CheckRecord* record = CheckRecord.Of(mapping);
        byte* memory = At(mapping->Memory + offset), kept = KeptAt(record, offset);
        ulong address = mapping->Address + offset;
        CheckPoison(record, memory, offset, bytes);
        Look(record);
        CheckGuards(record);
        if (mapping->Direction == DmaDirection.ToDevice)
            CheckInput(record, address, kept, bytes);
        else if (mapping->Direction == DmaDirection.FromDevice)
            CheckOutput(record, address, written);
        BlockCopy.Copy(memory, kept, bytes);
        if (written != 0 && record->Shadow == 0)
            system.Bounce.ForCpu(mapping, offset, written);
        else
            BlockCopy.Copy(memory, At(address), written);
        Pattern.Fill(address, bytes, record->Seed);
        Clean(record);
    }

    /// <summary>A part of the device's turn ends, all of it written.</summary>
    public override void ForCpu(Mapping* mapping, uint offset, uint bytes) => TakeBack(mapping, offset, bytes, bytes);

    public override void Close(Mapping* mapping)
    {
        CheckRecord* record = CheckRecord.Of(mapping);
        CheckIdle(record);
        GiveKept(record);
        if (record->Shadow == 0)
            system.Bounce.Close(mapping);
        checker.End(record);
    }

    /// <summary>Opens coherent memory: guards around what both sides use. Its address and run are noted as the mapping's.</summary>
    public Error OpenShared(Mapping* mapping)
    {
        CheckRecord* record = checker.TryBegin(mapping);
        if (record == null)
            return checker.Refuse(mapping->Device.Target, "records"u8);
        record->IsShared = true;
        Error error = OpenShadow(mapping, record);
        if (error != Error.None)
        {
            checker.Abandon(record);
            return error;
        }
        mapping->Memory = mapping->Address;
        // Handles find the first byte by it; the run that it lies in is the record's.
        mapping->Origin = mapping->Address >> 12 << 32 | (uint)record->Shadow;
        Pattern.Fill(mapping->Memory, record->Room, Pattern.Zero);
        if (mapping->Cache != CacheMode.WriteBack && !DirectMap.TrySetCache(new PhysAddr(mapping->Memory), PageBytes(mapping), mapping->Cache))
        {
            GiveShadow(record);
            checker.Abandon(record);
            return Error.NoResources;
        }
        checker.Enter(record);
        return Error.None;
    }

    /// <summary>Ends coherent memory.</summary>
    public void CloseShared(Mapping* mapping)
    {
        CheckRecord* record = CheckRecord.Of(mapping);
        if (mapping->Cache != CacheMode.WriteBack)
        {
            bool restored = DirectMap.TrySetCache(new PhysAddr(mapping->Memory), PageBytes(mapping), CacheMode.WriteBack);
            Bug.If(!restored, "the cache mode of coherent memory could not be restored"u8);
        }
        CheckIdle(record);
        checker.End(record);
    }

    /// <summary>Longer pieces of scatter lists are cut, as there is to be room for guards.</summary>
    public const uint MostPieceBytes = 1 << 20;

    /// <summary>Says that the device does not write a mapping's first bytes.</summary>
    public static void NoteFront(Mapping* mapping, uint bytes)
    {
        if (mapping->Checked != 0)
            CheckRecord.Of(mapping)->Front = (ushort)bytes;
    }

    /// <summary>Says that a mapping is a piece of a scatter list.</summary>
    public static void NotePiece(Mapping* mapping)
    {
        if (mapping->Checked != 0)
            CheckRecord.Of(mapping)->IsPiece = true;
    }

    /// <summary>Bytes of the pages that a mapping lies in.</summary>
    public static ulong PageBytes(Mapping* mapping) => (mapping->Room + PhysAddr.PageSize - 1) & ~(PhysAddr.PageSize - 1);

    /// <summary>Makes what is written to the device's side seen by the device.</summary>
    public static void Clean(CheckRecord* record)
    {
        if (!record->Mapping->Device.Target.IsCoherent && !record->IsShared)
            CacheLines.Clean(new PhysAddr(record->First), record->End - record->First);
    }

    /// <summary>Makes what the device wrote seen by the CPU.</summary>
    public static void Look(CheckRecord* record)
    {
        if (!record->Mapping->Device.Target.IsCoherent && !record->IsShared)
            CacheLines.Invalidate(new PhysAddr(record->First), record->End - record->First);
    }

    private static byte* At(ulong address) => PhysicalMemory.At(new PhysAddr(address));
}
