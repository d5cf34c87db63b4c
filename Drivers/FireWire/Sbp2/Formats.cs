using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;

namespace Sluice.Drivers.Sbp2;

/// <summary>Functions of management ORBs. Source: SBP-2, table 3.</summary>
public enum ManagementFunction : byte
{
    Login = 0,
    Reconnect = 3,
    Logout = 7,
    AbortTask = 0xB,
    AbortTaskSet = 0xC,
    LogicalUnitReset = 0xE,
}

/// <summary>A command block ORB with 16 bytes of command, as targets read it: in the bus's byte order. Source: SBP-2, section 5.1.2.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct CommandBlock
{
    /// <summary>Of the ORB, and of what targets may fetch of it at most, at least, and at least for commands of 16 bytes.</summary>
    public const int Bytes = 64, LeastBytes = 32, LongBytes = 36;

    /// <summary>No next ORB: bit 63 of a pointer.</summary>
    public const ulong Null = 1ul << 63;

    // The fifth quadlet: status is wanted for each; data goes to us; the data is described by a page table.
    public const uint Notify = 1u << 31, ToInitiator = 1 << 27, HasTable = 1 << 19;

    public Shared<ulong> NextOrb, Descriptor;
    public Shared<uint> What, Command0, Command1, Command2, Command3;

    public static uint Speed(int speed) => (uint)speed << 24;

    /// <summary>The most data of a packet: a power of two from 4 bytes on.</summary>
    public static uint Payload(int bytes) => (uint)(BitOperations.Log2((uint)bytes) - 2) << 20;
}

/// <summary>An element of a page table without a page size. Source: SBP-2, section 5.2.</summary>
internal struct TableElement
{
    /// <summary>Bytes that one describes at most, where more follow: whole pages; the 16 bits hold some more.</summary>
    public const uint WholeBytes = 0xF000, MostBytes = 0xFFFC;

    private Shared<ulong> _word;

    public void Write(DmaAddr address, uint offset, uint bytes) =>
        _word.Write(BinaryPrimitives.ReverseEndianness((ulong)bytes << 48 | (address.Value + offset)));
}

/// <summary>Writes management ORBs and reads what answers logins. Source: SBP-2, sections 5.1.3 and 5.3.1.</summary>
internal static class Management
{
    public const int OrbBytes = 32, ResponseBytes = 16, LeastResponseBytes = 12;

    // Nobody else may log in meanwhile; after a reset of the bus we have 2^2 seconds to come back.
    private const uint Notify = 1u << 31, Exclusive = 1 << 28, Reconnect = 2 << 20;

    /// <summary>Fills an ORB.</summary>
    /// <param name="which">The logical unit of a login, else the login.</param>
    /// <param name="task">Whose task is aborted.</param>
    public static void Write(Span<byte> orb, ManagementFunction function, ushort which, ulong task, ulong response, ulong status)
    {
        bool isLogin = function == ManagementFunction.Login;
        orb[..OrbBytes].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(orb, task);
        BinaryPrimitives.WriteUInt64BigEndian(orb[8..], isLogin ? response : 0);
        BinaryPrimitives.WriteUInt32BigEndian(orb[16..], Notify | (isLogin ? Exclusive | Reconnect : 0) | (uint)function << 16 | which);
        BinaryPrimitives.WriteUInt32BigEndian(orb[20..], isLogin ? ResponseBytes : 0u);
        BinaryPrimitives.WriteUInt64BigEndian(orb[24..], status);
    }

    /// <summary>Reads a login's response; false if it cannot be one.</summary>
    /// <param name="agent">The fetch agent's registers.</param>
    /// <param name="hold">Seconds to come back in after a reset of the bus.</param>
    public static bool TryRead(ReadOnlySpan<byte> response, out ushort login, out ulong agent, out uint hold)
    {
        login = BinaryPrimitives.ReadUInt16BigEndian(response[2..]);
        agent = BinaryPrimitives.ReadUInt64BigEndian(response[4..]) & PacketHeader.OffsetMask;
        bool isLong = BinaryPrimitives.ReadUInt16BigEndian(response) >= ResponseBytes;
        // Older targets have no such field: a second (section 5.3.1).
        hold = isLong ? 1u + BinaryPrimitives.ReadUInt16BigEndian(response[14..]) : 1;
        return BinaryPrimitives.ReadUInt16BigEndian(response) >= LeastResponseBytes && (agent & 3) == 0
            && agent >= Rom.Address + 4 * Rom.Quadlets && agent <= PacketHeader.OffsetMask + 1 - AgentRegister.Bytes;
    }
}

/// <summary>Registers of a fetch agent. Source: SBP-2, section 6.4.</summary>
internal static class AgentRegister
{
    public const ulong Reset = 0x04, OrbPointer = 0x08, Doorbell = 0x10, Bytes = 0x20;
}

/// <summary>How a target says that a request ended: resp. Source: SBP-2, section 5.3.</summary>
internal enum TargetResponse : byte
{
    Complete,
    TransportFailure,
    IllegalRequest,
    VendorDependent,
}

/// <summary>A status block, read once. Source: SBP-2, section 5.3; annex B for what is of SCSI.</summary>
internal readonly struct StatusBlock
{
    public const int LeastBytes = 8, MostBytes = 32;

    // sbp_status, as far as it matters (table 7): tasks that were ended before they were done.
    public const byte DummyCompleted = 11, RequestAborted = 12;

    private const int ScsiBytes = 12;

    private readonly uint _first, _scsi;

    private StatusBlock(ReadOnlySpan<byte> block)
    {
        _first = BinaryPrimitives.ReadUInt32BigEndian(block);
        Orb = (ulong)(ushort)_first << 32 | BinaryPrimitives.ReadUInt32BigEndian(block[4..]);
        _scsi = block.Length < ScsiBytes ? 0 : BinaryPrimitives.ReadUInt32BigEndian(block[8..]);
    }

    /// <summary>Which ORB it is of.</summary>
    public ulong Orb { get; }

    /// <summary>It is of no ORB: the target has something to say.</summary>
    public bool IsUnsolicited => _first >> 30 == 2;

    public TargetResponse Response => (TargetResponse)(_first >> 28 & 3);

    /// <summary>The fetch agent has stopped.</summary>
    public bool IsDead => (_first & 1 << 27) != 0;

    public byte Status => (byte)(_first >> 16);

    /// <summary>The request was carried out, and nothing else is said.</summary>
    public bool IsGood => Response == TargetResponse.Complete && Status == 0;

    /// <summary>sfmt: 0 of this command, 1 of an earlier one, others unknown.</summary>
    public int Format => (int)(_scsi >> 30);

    /// <summary>SCSI's status byte; 0 is good.</summary>
    public byte Scsi => (byte)(_scsi >> 24 & 0x3F);

    /// <summary>SCSI's sense key, and additional code and qualifier.</summary>
    public SenseKey Key => (SenseKey)(_scsi >> 16 & 0xF);

    public ushort Code => (ushort)_scsi;

    /// <summary>Reads one; false if it is shorter than it says. What some targets send behind that says nothing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> data, out StatusBlock block)
    {
        block = default;
        if (data.Length is < LeastBytes or > MostBytes)
            return false;
        int said = 4 + 4 * (data[0] & 7);
        if (said < LeastBytes || said > data.Length)
            return false;
        block = new StatusBlock(data[..said]);
        return block._first >> 30 != 3;
    }
}
