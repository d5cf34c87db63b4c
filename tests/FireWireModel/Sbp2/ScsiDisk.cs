using System;
using System.Buffers.Binary;
using System.Text;

namespace Sluice.FireWire.Sbp2;

/// <summary>
/// The commands that a disk needs, on an image: a logical unit. A command gets its data as a whole and leaves its answer as a whole. Sources: SPC-3,
/// section 6; SBC-3, section 5.
/// </summary>
public sealed class ScsiDisk(DiskImage image, string serial)
{
    private const byte TestUnitReady = 0x00, RequestSense = 0x03, Read6 = 0x08, Write6 = 0x0A, Inquiry = 0x12, ModeSense6 = 0x1A, StartStopUnit = 0x1B,
        PreventRemoval = 0x1E, ReadCapacity10 = 0x25, Read10 = 0x28, Write10 = 0x2A, Verify10 = 0x2F, SynchronizeCache10 = 0x35, ModeSense10 = 0x5A,
        Read16 = 0x88, Write16 = 0x8A, Verify16 = 0x8F, SynchronizeCache16 = 0x91, ServiceActionIn16 = 0x9E, ReportLuns = 0xA0, Read12 = 0xA8, Write12 = 0xAA;

    // SERVICE ACTION IN(16)'s.
    private const int ReadCapacity16 = 0x10;

    private bool _hasMedium = true, _isChanged;

    /// <summary>Its motor stands, until it is told to start.</summary>
    public bool IsStopped { get; set; }

    /// <summary>It does not start, and says that it did.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Its medium can be taken out.</summary>
    public bool IsRemovable { get; set; }

    /// <summary>Blocks read and written.</summary>
    public long BlocksRead { get; private set; }

    public long BlocksWritten { get; private set; }

    public DiskImage Image { get; private set; } = image;

    /// <summary>It ends nothing by itself: neither logins nor commands. What is aborted ends.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Another medium is put in, or none; the one before is its owner's again.</summary>
    public void Insert(DiskImage? medium)
    {
        _hasMedium = _isChanged = medium != null;
        Image = medium ?? Image;
    }

    /// <summary>Does one.</summary>
    /// <param name="command">16 bytes, of which shorter ones use the first.</param>
    /// <param name="dataOut">What came with it.</param>
    /// <param name="dataIn">Room for the answer; what does not fit is cut off.</param>
    /// <param name="bytesIn">Bytes of the answer.</param>
    public Sense Execute(ReadOnlySpan<byte> command, ReadOnlySpan<byte> dataOut, Span<byte> dataIn, out int bytesIn)
    {
        bytesIn = 0;
        bool isAlways = command[0] is Inquiry or RequestSense or StartStopUnit or PreventRemoval or ReportLuns or ModeSense6 or ModeSense10;
        Sense state = isAlways ? Sense.Good : State();
        if (!state.IsGood)
            return state;
        switch (command[0])
        {
            case TestUnitReady:
                return Sense.Good;
            case StartStopUnit:
                IsStopped = (command[4] & 1) == 0 || IsBroken;
                return Sense.Good;
            case PreventRemoval or SynchronizeCache10 or SynchronizeCache16:
                return Sense.Good;
            case Inquiry:
                return Inquire(command, dataIn, out bytesIn);
            case RequestSense:
                // Sense came with the status: there is none now.
                Span<byte> none = stackalloc byte[18];
                none.Clear();
                none[0] = 0x70;
                none[7] = 10;
                bytesIn = Give(none, command[4], dataIn);
                return Sense.Good;
            case ModeSense6 or ModeSense10:
                return ModeSense(command, dataIn, out bytesIn);
            case ReadCapacity10:
                Span<byte> capacity = stackalloc byte[8];
                BinaryPrimitives.WriteUInt32BigEndian(capacity, (uint)Math.Min(Image.Blocks - 1, uint.MaxValue));
                BinaryPrimitives.WriteUInt32BigEndian(capacity[4..], DiskImage.BlockBytes);
                bytesIn = Give(capacity, capacity.Length, dataIn);
                return Sense.Good;
            case ServiceActionIn16 when (command[1] & 0x1F) == ReadCapacity16:
                Span<byte> longCapacity = stackalloc byte[32];
                longCapacity.Clear();
                BinaryPrimitives.WriteUInt64BigEndian(longCapacity, Image.Blocks - 1);
                BinaryPrimitives.WriteUInt32BigEndian(longCapacity[8..], DiskImage.BlockBytes);
                bytesIn = Give(longCapacity, (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(command[10..]), (uint)longCapacity.Length), dataIn);
                return Sense.Good;
            case ReportLuns:
                Span<byte> units = stackalloc byte[16];
                units.Clear();
                units[3] = 8;
                bytesIn = Give(units, (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(command[6..]), 16), dataIn);
                return Sense.Good;
            case Read6 or Read10 or Read12 or Read16:
                return Read(command, dataIn, out bytesIn);
            case Write6 or Write10 or Write12 or Write16:
                return Write(command, dataOut);
            case Verify10 or Verify16:
                return TryRange(command, out ulong first, out _) ? Sense.Good : Sense.OutOfRange(first);
            default:
                return Sense.InvalidOperation;
        }
    }

    // What is in the way of a command; of a new medium the next one is told, once.
    private Sense State()
    {
        bool isChanged = _isChanged;
        _isChanged = false;
        return isChanged ? Sense.MediumChanged : !_hasMedium ? Sense.NoMedium : IsStopped ? Sense.BecomingReady : Sense.Good;
    }

    private Sense Read(ReadOnlySpan<byte> command, Span<byte> data, out int bytes)
    {
        bytes = 0;
        if (!TryRange(command, out ulong first, out uint blocks))
            return Sense.OutOfRange(first);
        int whole = (int)Math.Min(blocks, (uint)(data.Length / DiskImage.BlockBytes));
        if (!Image.TryRead(first, data[..(whole * DiskImage.BlockBytes)]))
            return Sense.ReadError(first);
        bytes = whole * DiskImage.BlockBytes;
        BlocksRead += whole;
        return Sense.Good;
    }

    private Sense Write(ReadOnlySpan<byte> command, ReadOnlySpan<byte> data)
    {
        if (Image.IsReadOnly)
            return Sense.WriteProtected;
        if (!TryRange(command, out ulong first, out uint blocks))
            return Sense.OutOfRange(first);
        if (blocks * (ulong)DiskImage.BlockBytes > (ulong)data.Length)
            return Sense.InvalidField;
        if (!Image.TryWrite(first, data[..((int)blocks * DiskImage.BlockBytes)]))
            return Sense.WriteError(first);
        BlocksWritten += blocks;
        return Sense.Good;
    }

    private bool TryRange(ReadOnlySpan<byte> command, out ulong first, out uint blocks)
    {
        // The upper three bits of an operation code tell the command's length.
        switch (command[0] >> 5)
        {
            case 0:
                first = BinaryPrimitives.ReadUInt32BigEndian(command) & 0x1F_FFFF;
                blocks = command[4] == 0 ? 256u : command[4];
                break;
            case 4:
                first = BinaryPrimitives.ReadUInt64BigEndian(command[2..]);
                blocks = BinaryPrimitives.ReadUInt32BigEndian(command[10..]);
                break;
            case 5:
                first = BinaryPrimitives.ReadUInt32BigEndian(command[2..]);
                blocks = BinaryPrimitives.ReadUInt32BigEndian(command[6..]);
                break;
            default:
                first = BinaryPrimitives.ReadUInt32BigEndian(command[2..]);
                blocks = BinaryPrimitives.ReadUInt16BigEndian(command[7..]);
                break;
        }
        return first <= Image.Blocks && blocks <= Image.Blocks - first;
    }

    private Sense Inquire(ReadOnlySpan<byte> command, Span<byte> data, out int bytes)
    {
        bytes = 0;
        int room = BinaryPrimitives.ReadUInt16BigEndian(command[3..]);
        Span<byte> page = stackalloc byte[64];
        page.Clear();
        int length;
        if ((command[1] & 1) == 0)
        {
            if (command[2] != 0)
                return Sense.InvalidField;
            // A direct-access device of SPC-3, fixed.
            length = 36;
            page[1] = IsRemovable ? (byte)0x80 : (byte)0;
            page[2] = 5;
            page[3] = 2;
            page[4] = (byte)(length - 5);
            Encoding.ASCII.GetBytes("Sluice  FireWire disk   1.0 ", page[8..]);
        }
        else
        {
            page[1] = command[2];
            switch (command[2])
            {
                case 0x00:
                    length = 7;
                    page[5] = 0x80;
                    page[6] = 0x83;
                    break;
                case 0x80:
                    length = 4 + Encoding.ASCII.GetBytes(serial, page[4..]);
                    break;
                case 0x83:
                    // A designator of ASCII by vendor.
                    int name = Encoding.ASCII.GetBytes("Sluice  ", page[8..]) + Encoding.ASCII.GetBytes(serial, page[16..]);
                    page[4] = 2;
                    page[5] = 1;
                    page[7] = (byte)name;
                    length = 8 + name;
                    break;
                default:
                    return Sense.InvalidField;
            }
            page[3] = (byte)(length - 4);
        }
        bytes = Give(page[..length], room, data);
        return Sense.Good;
    }

    // The caching page, which says that nothing is cached for writing, and the header with the protection.
    private Sense ModeSense(ReadOnlySpan<byte> command, Span<byte> data, out int bytes)
    {
        const byte caching = 8, all = 0x3F;
        bool isLong = command[0] == ModeSense10;
        int header = isLong ? 8 : 4, code = command[2] & 0x3F;
        bytes = 0;
        if (code is not (caching or all) || (command[3] != 0 && command[3] != 0xFF))
            return Sense.InvalidField;
        Span<byte> page = stackalloc byte[28];
        page.Clear();
        page[header] = caching;
        page[header + 1] = 18;
        int length = header + 20;
        byte protection = Image.IsReadOnly ? (byte)0x80 : (byte)0;
        if (isLong)
        {
            page[1] = (byte)(length - 2);
            page[3] = protection;
        }
        else
        {
            page[0] = (byte)(length - 1);
            page[2] = protection;
        }
        bytes = Give(page[..length], isLong ? BinaryPrimitives.ReadUInt16BigEndian(command[7..]) : command[4], data);
        return Sense.Good;
    }

    private static int Give(ReadOnlySpan<byte> answer, int room, Span<byte> data)
    {
        int bytes = Math.Min(Math.Min(answer.Length, room), data.Length);
        answer[..bytes].CopyTo(data);
        return bytes;
    }
}
