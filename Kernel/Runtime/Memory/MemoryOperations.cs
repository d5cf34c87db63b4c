namespace Sluice.Runtime;

/// <summary>Copy and fill of raw memory. Pure algorithms: hosted tests compile this file, too.</summary>
public static unsafe class MemoryOperations
{
    /// <summary>Copies bytes; the two may overlap.</summary>
    public static void Copy(byte* destination, byte* source, nuint bytes)
    {
        if ((nuint)(destination - source) >= bytes)
        {
            while (bytes >= 8) { *(ulong*)destination = *(ulong*)source; destination += 8; source += 8; bytes -= 8; }
            while (bytes > 0) { *destination++ = *source++; bytes--; }
        }
        else
        {
            while (bytes > 0) { bytes--; destination[bytes] = source[bytes]; }
        }
    }

    /// <summary>Sets bytes.</summary>
    public static void Fill(byte* destination, byte value, nuint bytes)
    {
        ulong pattern = value * 0x0101_0101_0101_0101UL;
        while (bytes >= 8) { *(ulong*)destination = pattern; destination += 8; bytes -= 8; }
        while (bytes > 0) { *destination++ = value; bytes--; }
    }
}
