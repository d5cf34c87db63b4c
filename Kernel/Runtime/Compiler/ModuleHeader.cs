namespace Internal.Runtime;

/// <summary>The parts of a module's header that the kernel uses.</summary>
internal enum ModuleSection
{
    ReferenceStatics = 201,
    EagerConstructors = 205,
    PackedData = 207,
    Initializers = 213,
}

/// <summary>
/// What the linker's section <c>__modules</c> points to: where the compiler put tables for the runtime.
/// Layout: .NET's ReadyToRunHeader, major version 16, as ILC 10.0.14 writes it.
/// </summary>
internal unsafe struct ModuleHeader
{
    private readonly uint _signature;
    private readonly ushort _majorVersion, _minorVersion;
    private readonly uint _flags;
    private readonly ushort _sections;
    private readonly byte _entryBytes, _entryKind;
    private Section _first;

    /// <summary>Whether it is a header of the version that this kernel knows.</summary>
    public readonly bool IsValid => _signature == 0x0052_5452 && _majorVersion == 16 && _entryBytes == sizeof(Section);

    /// <summary>A table of 32-bit relative pointers; empty if the module has none.</summary>
    public Range Find(ModuleSection id)
    {
        fixed (Section* sections = &_first)
        {
            for (int i = 0; i < _sections; i++)
            {
                if (sections[i].Id == id)
                    return new Range(sections[i].Start, sections[i].End);
            }
            return default;
        }
    }

    /// <summary>From an entry to before another.</summary>
    public readonly struct Range(int* start, int* end)
    {
        public readonly int* Start = start, End = end;
    }

    private struct Section
    {
        public ModuleSection Id;
        public uint Flags;
        public int* Start, End;
    }
}
