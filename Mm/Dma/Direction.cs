namespace Sluice.Dma;

/// <summary>Who writes a buffer, who reads it.</summary>
public enum DmaDirection : byte
{
    ToDevice,
    FromDevice,
    Both,
}

/// <summary>A direction as a type: what must not be done with a buffer does not compile.</summary>
public interface IDirection
{
    DmaDirection Kind { get; }
}

/// <summary>The CPU writes, the device reads.</summary>
public readonly struct ToDevice : IDirection
{
    public DmaDirection Kind => DmaDirection.ToDevice;
}

/// <summary>The device writes, the CPU reads.</summary>
public readonly struct FromDevice : IDirection
{
    public DmaDirection Kind => DmaDirection.FromDevice;
}

/// <summary>Each reads what the other wrote.</summary>
public readonly struct Both : IDirection
{
    public DmaDirection Kind => DmaDirection.Both;
}
