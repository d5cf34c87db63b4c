using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>A packet in a stream: where it lies, and what the controller says about it.</summary>
internal ref struct ReceivedPacket
{
    /// <summary>In the order of the bus.</summary>
    public PacketHeader Header;

    /// <summary>Its data, without what fills the last quadlet.</summary>
    public ReadOnlySpan<byte> Data;

    /// <summary>xferStatus: event code 4:0, speed 7:5; a time stamp in the lower half. Source: OHCI 1.1, section 8.4.2.</summary>
    public uint Trailer;

    public readonly EventCode Event => (EventCode)(Trailer >> 16 & 0x1F);

    public readonly BusSpeed Speed => (BusSpeed)(Trailer >> 21 & 3);

    /// <summary>Not a packet of the bus: one between PHYs, or the mark of a bus reset.</summary>
    public readonly bool IsInternal => (Header.Q0 >> 4 & 0xF) == 0xE;
}

/// <summary>
/// A context that receives requests or responses into a ring of pages, one behind the other (buffer-fill mode). The controller says in each
/// page's descriptor how much of it is left. Nothing it says is believed further than the pages that it was given. Source: OHCI 1.1,
/// section 8.
/// </summary>
internal sealed class AsyncReceive
{
    /// <summary>Pages: 15 of the longest packets wait at most.</summary>
    public const int Pages = 16;

    private const uint PageBytes = 4096, LongestData = 4096;

    private readonly DmaContext _context;
    private Coherent<Descriptor> _descriptors;
    private ReceiveStream? _stream;

    // The page that the controller fills, how much of it was shown, and how many from it on are the controller's.
    private int _page, _given;
    private uint _seen;

    // Bytes of the packet that TryTake gave out.
    private uint _taken;
    private bool _isRunning, _endsWhole, _isOdd;

    /// <summary>A context whose memory is made by <see cref="TryMake"/>.</summary>
    public AsyncReceive(ContextRegisters registers) => _context = new DmaContext(registers);

    /// <summary>Takes the memory; what was taken on an error is <see cref="Free"/>'s.</summary>
    public Error TryMake(DmaDevice dma)
    {
        Error error = dma.TryAllocateCoherent(Pages, out _descriptors);
        return error == Error.None ? ReceiveStream.TryMake(dma, Pages, out _stream) : error;
    }

    /// <summary>Gives the memory back; the context was stopped.</summary>
    public void Free()
    {
        _stream?.Free();
        _stream = null;
        if (!_descriptors.IsEmpty)
            DmaDevice.Free(ref _descriptors);
    }

    /// <summary>Whether the context has died.</summary>
    public bool IsDead => _isRunning && _context.IsDead;

    /// <summary>Begins with empty pages.</summary>
    public void Start()
    {
        _stream!.Restart();
        _page = 0;
        _seen = _taken = 0;
        _given = Pages;
        for (int i = 0; i < Pages; i++)
        {
            ref Descriptor descriptor = ref _descriptors[i];
            descriptor.Control.Write(DescriptorControl.Buffer | PageBytes);
            descriptor.Address.Write((uint)_stream.AddressOf(i).Value);
            descriptor.Status.Write(PageBytes);
            descriptor.Branch.Write(i + 1 < Pages ? BranchTo(i + 1) : 0);
        }
        _isRunning = true;
        _context.Start(BranchTo(0));
    }

    /// <summary>Ends it; on an error it may go on, and memory must not be used again.</summary>
    public Error Stop()
    {
        if (!_isRunning)
            return Error.None;
        Error error = _context.Stop();
        _isRunning = error != Error.None;
        return error;
    }

    /// <summary>The controller was reset: the context does not run, whatever it did before.</summary>
    public void Forget() => _isRunning = false;

    /// <summary>
    /// Looks at what has come since the last call. False if the controller says what cannot be; then the context is to be started anew.
    /// </summary>
    [PacketPath]
    public bool Refresh()
    {
        uint more = 0;
        while (_given != 0)
        {
            uint written = WrittenTo(_page);
            if (written == PageBytes || (written == 0 && _seen == 0 && more + (uint)_stream!.Unread.Length != 0 && IsPassedOver()))
            {
                more += PageBytes - _seen;
                _seen = 0;
                _page = Next(_page);
                _given--;
                continue;
            }
            if (written < _seen || written > PageBytes)
                return false;
            more += written - _seen;
            _seen = written;
            // What a page has left is said at a packet's end (8.4.2); a full page may end within one.
            _endsWhole = written != 0;
            break;
        }
        if (more != 0)
            _stream!.Show(more);
        return true;
    }

    /// <summary>
    /// The next packet that is here as a whole; <see cref="Release"/> ends it. False if there is none: <paramref name="isBad"/> if what is
    /// there is no packet, so that nobody can tell where the next one begins.
    /// </summary>
    [PacketPath]
    public bool TryTake(out ReceivedPacket packet, out bool isBad)
    {
        isBad = false;
        ReadOnlySpan<byte> bytes = _stream!.Unread;
        if (bytes.Length == 0)
        {
            packet = default;
            return false;
        }
        packet = default;
        if (bytes.Length < 16)
        {
            isBad = _endsWhole;
            return false;
        }
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes[..16]);
        DeviceTurn.BeforeRead();
        uint q0 = words[0], q3 = words[3];
        var code = (TransactionCode)(q0 >> 4 & 0xF);
        const TransactionCode linkInternal = (TransactionCode)0xE;
        int header = code == linkInternal ? 3 : code == TransactionCode.Stream ? 0 : code.HeaderQuadlets;
        int data = header == 4 && code.HasData ? (int)(q3 >> 16) : 0, padded = (data + 3) & ~3;
        int trailer = header * 4 + padded;
        isBad = header == 0 || data > LongestData || (_endsWhole && bytes.Length < trailer + 4);
        if (isBad || bytes.Length < trailer + 4)
            return false;
        if (header < 4)
            q3 = 0;
        else if (code is TransactionCode.WriteQuadlet or TransactionCode.ReadQuadletResponse)
            q3 = BinaryPrimitives.ReverseEndianness(q3);
        packet.Header = new PacketHeader(q0, words[1], words[2], q3);
        packet.Data = bytes.Slice(header * 4, data);
        packet.Trailer = BinaryPrimitives.ReadUInt32LittleEndian(bytes[trailer..]);
        _taken = (uint)trailer + 4;
        return true;
    }

    /// <summary>Ends the packet that <see cref="TryTake"/> gave out, and gives the pages back that were read to their end.</summary>
    [PacketPath]
    public void Release()
    {
        int pages = _stream!.Release(_taken);
        _taken = 0;
        if (pages == 0)
            return;
        for (; pages > 0; pages--)
        {
            int page = (_page + _given) % Pages;
            ref Descriptor descriptor = ref _descriptors[page];
            descriptor.Status.Write(PageBytes);
            descriptor.Branch.Write(0);
            // The one before is the end of the program.
            _descriptors.Publish(ref _descriptors[(page + Pages - 1) % Pages].Branch, BranchTo(page));
            _given++;
        }
        _context.Wake();
    }

    /// <summary>
    /// Whether the controller has gone on to the next page and says that this one has room left, now and at the last call: then nothing more
    /// would come. Once in a while.
    /// </summary>
    public bool IsLeftBehind()
    {
        bool wasOdd = _isOdd;
        _isOdd = _given > 1 && WrittenTo(_page) == _seen && _seen < PageBytes && WrittenTo(Next(_page)) != 0;
        return _isOdd && wasOdd;
    }

    // A packet that fills a page in the middle: the controller writes the status where it begins and ends (8.4.2), perhaps not between.
    private bool IsPassedOver() => _given > 1 && WrittenTo(Next(_page)) != 0;

    // More than a page if the controller says that more is left than there was.
    private uint WrittenTo(int page) => PageBytes - (_descriptors[page].Status.Read() & 0xFFFF);

    private static int Next(int page) => page + 1 < Pages ? page + 1 : 0;

    private uint BranchTo(int page) => (uint)_descriptors.AddressOf(page).Value | 1;
}
