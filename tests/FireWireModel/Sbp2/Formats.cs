using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Sbp2;

/// <summary>What a management request asks for. Source: SBP-2, ANSI NCITS 325-1998, table 3.</summary>
public enum ManagementFunction
{
    Login = 0,
    QueryLogins = 1,
    Reconnect = 3,
    SetPassword = 4,
    Logout = 7,
    AbortTask = 0xB,
    AbortTaskSet = 0xC,
    LogicalUnitReset = 0xE,
    TargetReset = 0xF,
}

/// <summary>How a request ended: resp of a status block. Source: SBP-2, section 5.3.</summary>
public enum Response
{
    RequestComplete = 0,
    TransportFailure = 1,
    IllegalRequest = 2,
    VendorDependent = 3,
}

/// <summary>More of that: sbp_status, as far as it is used. Source: SBP-2, table 7.</summary>
public enum SbpStatus : byte
{
    None = 0,
    RequestTypeNotSupported = 1,
    SpeedNotSupported = 2,
    AccessDenied = 4,
    LogicalUnitNotSupported = 5,
    MaxPayloadTooSmall = 6,
    ResourcesUnavailable = 8,
    FunctionRejected = 9,
    LoginIdNotRecognized = 10,
    DummyOrbCompleted = 11,
    RequestAborted = 12,
    Unspecified = 0xFF,
}

/// <summary>A management ORB, 32 bytes. Source: SBP-2, section 5.1.3.</summary>
public readonly struct ManagementOrb(ReadOnlySpan<byte> bytes)
{
    public const int Bytes = 32;

    private readonly uint _what = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);

    /// <summary>Aborted task: its ORB's offset.</summary>
    public ulong Task { get; } = BinaryPrimitives.ReadUInt64BigEndian(bytes) & Offsets.Mask;

    /// <summary>Where a login's response goes.</summary>
    public ulong ResponseOffset { get; } = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) & Offsets.Mask;

    /// <summary>Room for it, in bytes.</summary>
    public int ResponseBytes { get; } = BinaryPrimitives.ReadUInt16BigEndian(bytes[22..]);

    /// <summary>Where status goes.</summary>
    public ulong StatusFifo { get; } = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]) & Offsets.Mask;

    public ManagementFunction Function => (ManagementFunction)((_what >> 16) & 0xF);

    /// <summary>0, or this is no management request.</summary>
    public int Format => (int)(_what >> 29) & 3;

    public bool IsExclusive => (_what & (1u << 28)) != 0;

    /// <summary>A login may be resumed so many seconds after a bus reset: 2 to the power of this.</summary>
    public int ReconnectExponent => (int)(_what >> 20) & 0xF;

    /// <summary>Logins and their list: the logical unit; else the login.</summary>
    public int LoginOrUnit => (int)_what & 0xFFFF;
}

/// <summary>A command block ORB, 36 bytes with 16 of command. Source: SBP-2, section 5.1.2.</summary>
public readonly struct CommandOrb(ReadOnlySpan<byte> bytes)
{
    public const int Bytes = 36, CommandAt = 20;

    private readonly uint _what = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
    private readonly ulong _descriptor = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);

    /// <summary>Where the next one is; nothing if the highest bit is set.</summary>
    public ulong Next { get; } = BinaryPrimitives.ReadUInt64BigEndian(bytes);

    public bool HasNext => !Offsets.IsNull(Next);

    /// <summary>The node whose memory is meant.</summary>
    public ushort DataNode => (ushort)(_descriptor >> 48);

    public ulong DataOffset => _descriptor & Offsets.Mask;

    /// <summary>Whether a status is wanted also when all went well.</summary>
    public bool IsToNotify => (_what & (1u << 31)) != 0;

    /// <summary>0 for a command, 3 for a dummy.</summary>
    public int Format => (int)(_what >> 29) & 3;

    /// <summary>Whether the disk writes into memory: a read command.</summary>
    public bool IsIn => (_what & (1u << 27)) != 0;

    public int Speed => (int)(_what >> 24) & 7;

    /// <summary>The most that a packet of its data carries.</summary>
    public int MostBytes => 4 << ((int)(_what >> 20) & 0xF);

    public bool HasPageTable => (_what & (1u << 19)) != 0;

    /// <summary>Bytes, or entries of the page table.</summary>
    public int DataSize => (int)_what & 0xFFFF;
}

/// <summary>A status block. Source: SBP-2, section 5.3, and annex B for a SCSI command's status.</summary>
public static class StatusBlock
{
    public const int MostBytes = 32;

    /// <summary>Writes one.</summary>
    /// <param name="orb">The ORB's offset.</param>
    /// <param name="hasNext">Whether its next pointer held one.</param>
    /// <param name="isDead">Whether the fetch agent stopped.</param>
    /// <param name="sense">Fixed-format sense data, or nothing: all went well.</param>
    /// <returns>Its bytes.</returns>
    public static int Write(Span<byte> block, ulong orb, bool hasNext, Response response, bool isDead, SbpStatus status, in Sense sense)
    {
        int quadlets = sense.IsGood ? 2 : 4;
        uint source = hasNext ? 0u : 1u;
        uint first = (source << 30) | ((uint)response << 28) | (isDead ? 1u << 27 : 0) | ((uint)(quadlets - 1) << 24) | ((uint)status << 16) | (uint)(orb >> 32);
        BinaryPrimitives.WriteUInt32BigEndian(block, first);
        BinaryPrimitives.WriteUInt32BigEndian(block[4..], (uint)orb);
        if (!sense.IsGood)
        {
            // sfmt 0: a current error; status CHECK CONDITION; v: the information is valid.
            const uint checkCondition = 2;
            uint valid = sense.HasInformation ? 1u << 23 : 0;
            BinaryPrimitives.WriteUInt32BigEndian(block[8..], (checkCondition << 24) | valid | ((uint)sense.Key << 16) | sense.Code);
            BinaryPrimitives.WriteUInt32BigEndian(block[12..], sense.Information);
        }
        return quadlets * 4;
    }
}

/// <summary>Offsets in ORBs.</summary>
internal static class Offsets
{
    public const ulong Mask = 0xFFFF_FFFF_FFFF;

    public static bool IsNull(ulong pointer) => pointer >> 63 != 0;
}
