namespace Sluice.FireWire.Sbp2;

/// <summary>Kinds of errors. Source: SPC-3, table 27.</summary>
public enum SenseKey : byte
{
    None = 0,
    NotReady = 2,
    MediumError = 3,
    IllegalRequest = 5,
    UnitAttention = 6,
    DataProtect = 7,
    AbortedCommand = 0xB,
}

/// <summary>What a SCSI command came to. Source: SPC-3, section 4.5.</summary>
/// <param name="Key">None: it is good.</param>
/// <param name="Code">Additional sense code 15:8 and qualifier 7:0.</param>
/// <param name="HasInformation">Whether there is more: the block that could not be read or written.</param>
public readonly record struct Sense(SenseKey Key, ushort Code, bool HasInformation = false, uint Information = 0)
{
    public static readonly Sense Good;
    public static readonly Sense InvalidOperation = new(SenseKey.IllegalRequest, 0x2000);
    public static readonly Sense InvalidField = new(SenseKey.IllegalRequest, 0x2400);
    public static readonly Sense WriteProtected = new(SenseKey.DataProtect, 0x2700);
    public static readonly Sense BecomingReady = new(SenseKey.NotReady, 0x0402);
    public static readonly Sense NoMedium = new(SenseKey.NotReady, 0x3A00);
    public static readonly Sense MediumChanged = new(SenseKey.UnitAttention, 0x2800);

    public bool IsGood => Key == SenseKey.None;

    public static Sense OutOfRange(ulong block) => Of(SenseKey.IllegalRequest, 0x2100, block);

    public static Sense ReadError(ulong block) => Of(SenseKey.MediumError, 0x1100, block);

    public static Sense WriteError(ulong block) => Of(SenseKey.MediumError, 0x0C00, block);

    // The information has 32 bits: a block that does not fit is not named.
    private static Sense Of(SenseKey key, ushort code, ulong block) => block <= uint.MaxValue ? new(key, code, true, (uint)block) : new(key, code);
}
