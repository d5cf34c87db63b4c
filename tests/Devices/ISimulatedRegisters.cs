namespace Sluice.Platform;

/// <summary>Registers of a simulated device, in memory space or behind ports: single accesses of 1, 2, 4 or 8 bytes.</summary>
public interface ISimulatedRegisters
{
    ulong Read(uint offset, int width);

    void Write(uint offset, int width, ulong value);
}
