using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>What a controller says of a packet behind it. Source: OHCI 1.1, section 8.4.2.</summary>
/// <param name="word">xferStatus: event code 4:0, speed 7:5; a time stamp in the lower half.</param>
internal readonly struct ReceiveTrailer(uint word)
{
    public EventCode Event => (EventCode)(word >> 16 & 0x1F);

    public BusSpeed Speed => (BusSpeed)(word >> 21 & 3);

    public ushort Time => (ushort)word;

    /// <summary>Whether the controller refused it by an acknowledge, and hands it over all the same.</summary>
    public bool IsRefused => Event > EventCode.Acknowledged + (byte)AckCode.Pending;

    /// <summary>Whether it was acknowledged as complete.</summary>
    public bool IsAnswered => Event == EventCode.Acknowledged + (byte)AckCode.Complete;
}

/// <summary>A packet in a stream, until it is released: where its data lies, without what fills the last quadlet, and the bytes of all of it.</summary>
internal readonly unsafe struct ReceivedPacket(byte* data, uint dataBytes, uint* trailer, uint bytes)
{
    public readonly uint Bytes = bytes;

    /// <summary>What the controller says of it: read with each call.</summary>
    public ReceiveTrailer Trailer => new(Volatile.Read(ref *trailer));

    public ReadOnlySpan<byte> Data => MemoryMarshal.CreateReadOnlySpan(ref *data, (int)dataBytes);
}

/// <summary>What lies in front of a context's stream.</summary>
internal enum Arrived : byte
{
    /// <summary>No whole packet yet.</summary>
    Nothing,

    /// <summary>Not a packet of the bus: one between PHYs, or the mark of a bus reset.</summary>
    Internal,

    /// <summary>No packet, so nobody can tell where the next one begins.</summary>
    Malformed,
}

/// <summary>
/// A context that receives requests or responses into a ring of pages, one behind the other (buffer-fill mode). The controller says in each
/// page's descriptor how much of it is left. Nothing it says is believed further than the pages that it was given. Source: OHCI 1.1,
/// section 8.
/// </summary>
internal sealed unsafe class AsyncReceive
{
    /// <summary>Pages: 14 of the longest packets wait at most.</summary>
    public const uint Pages = 16;

    /// <summary>Of a packet that is not one of the bus.</summary>
    public const uint InternalBytes = LeastPacket;

    /// <summary>Of the packet that was looked at: its header in the order of the bus.</summary>
    public PacketHeader Header;

    private const uint PageBytes = 4096, LeastPacket = 16, LeastHeader = 12, LongestData = 4096, LinkInternal = 0xE;

    private readonly DmaContext _context;
    private Coherent<Descriptor> _descriptors;
    private Descriptor* _ring;
    private uint _address;
    private ReceiveStream? _stream;

    // A page that is filled stays as it is until one behind it is full, too: a controller that waited at its end may look late for where to go on.
    private const uint MostGiven = Pages - 1;

    // The page that the controller fills, how much of it was shown, how many from it on are in the program, and how many wait to be.
    private uint _page, _given, _held;
    private uint _seen;

    private bool _isRunning, _endsWhole, _isOdd;

    /// <summary>A context whose memory is made by <see cref="TryMake"/>.</summary>
    public AsyncReceive(ContextRegisters registers) => _context = new DmaContext(registers);

    /// <summary>Takes the memory; what was taken on an error is <see cref="Free"/>'s.</summary>
    public Error TryMake(DmaDevice dma)
    {
        Error error = dma.TryAllocateCoherent((int)Pages, out _descriptors);
        if (error != Error.None)
            return error;
        _ring = (Descriptor*)Unsafe.AsPointer(ref _descriptors[0]);
        _address = (uint)_descriptors.Address.Value;
        return ReceiveStream.TryMake(dma, (int)Pages, out _stream);
    }

    /// <summary>Gives the memory back; the context was stopped.</summary>
    public void Free()
    {
        _stream?.Free();
        _stream = null;
        if (!_descriptors.IsEmpty)
            DmaDevice.Free(ref _descriptors);
    }

    /// <summary>Whether anything has come that was not released.</summary>
    public bool HasMore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _stream!.Count != 0;
    }

    /// <summary>Whether the context has died.</summary>
    public bool IsDead => _isRunning && _context.IsDead;

    /// <summary>Begins with empty pages.</summary>
    public void Start()
    {
        _stream!.Restart();
        _page = 0;
        _seen = 0;
        _given = MostGiven;
        _held = Pages - MostGiven;
        for (uint i = 0; i < Pages; i++)
        {
            ref Descriptor descriptor = ref _ring[i];
            descriptor.Control.Write(DescriptorControl.Buffer | PageBytes);
            descriptor.Address.Write((uint)_stream.AddressOf((int)i).Value);
            descriptor.Status.Write(PageBytes);
            descriptor.Branch.Write(i + 1 < MostGiven ? BranchTo(i + 1) : 0);
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
    /// Takes note of what has come since the last call. False if the controller says what cannot be; then the context is to be started anew.
    /// </summary>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Refresh()
    {
        uint written = WrittenTo(_page), seen = _seen;
        // Mostly there is more in the page than before, and room left.
        if (written <= seen || written >= PageBytes || _given == 0)
            return RefreshPages();
        _seen = written;
        _endsWhole = true;
        _stream!.Show(written - seen);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool RefreshPages()
    {
        uint more = 0;
        while (_given != 0)
        {
            uint written = WrittenTo(_page);
            if (written == PageBytes || (written == 0 && _seen == 0 && more + _stream!.Count != 0 && IsPassedOver()))
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
    /// Looks for a packet of the bus that is here as a whole; <see cref="Release"/> ends it. False if anything else is in front: <see cref="LookCloser"/>
    /// tells.
    /// </summary>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLook(out ReceivedPacket packet)
    {
        Unsafe.SkipInit(out packet);
        uint have = _stream!.Count;
        if (have < LeastPacket)
            return false;
        DeviceTurn.BeforeRead();
        var words = (uint*)_stream.First;
        uint q0 = Volatile.Read(ref words[0]), q3 = Volatile.Read(ref words[3]);
        uint shape = CodeFacts.ShapeOf(q0), header = shape & CodeFacts.HeaderBytes, data = 0;
        // A stream does not come here.
        if (header < LeastHeader)
            return false;
        if ((shape & CodeFacts.DataFollows) != 0)
        {
            data = q3 >> 16;
            if (data > LongestData)
                return false;
        }
        else if ((shape & CodeFacts.EndsInQuadlet) != 0)
        {
            q3 = BinaryPrimitives.ReverseEndianness(q3);
        }
        else if (header == LeastHeader)
        {
            q3 = 0;
        }
        uint trailer = header + ((data + 3) & ~3u);
        if (have < trailer + 4)
            return false;
        Header = new PacketHeader(q0, words[1], words[2], q3);
        packet = new ReceivedPacket((byte*)words + header, data, (uint*)((byte*)words + trailer), trailer + 4);
        return true;
    }

    /// <summary>What is in front, if anything, that is no packet of the bus. Of an internal one <see cref="Header"/> is filled, and it is <see cref="InternalBytes"/> long.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public Arrived LookCloser(out ReceiveTrailer trailer)
    {
        trailer = default;
        bool mayBecome = _stream!.Count < LeastPacket;
        if (!mayBecome)
        {
            DeviceTurn.BeforeRead();
            var words = (uint*)_stream.First;
            uint q0 = Volatile.Read(ref words[0]), q3 = Volatile.Read(ref words[3]), shape = CodeFacts.ShapeOf(q0);
            if ((q0 >> 4 & 0xF) == LinkInternal)
            {
                Header = new PacketHeader(q0, words[1], words[2], 0);
                trailer = new ReceiveTrailer(q3);
                return Arrived.Internal;
            }
            mayBecome = (shape & CodeFacts.HeaderBytes) >= LeastHeader && ((shape & CodeFacts.DataFollows) == 0 || q3 >> 16 <= LongestData);
        }
        return mayBecome && !_endsWhole ? Arrived.Nothing : Arrived.Malformed;
    }

    /// <summary>Ends the packet in front, and gives the pages back that were read to their end.</summary>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release(uint bytes)
    {
        if (!_stream!.TryRelease(bytes))
            GiveBack(bytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GiveBack(uint bytes)
    {
        _held += (uint)_stream!.Release(bytes);
        for (; _held > 0 && _given < MostGiven; _held--)
        {
            uint page = (_page + _given) % Pages;
            Descriptor* descriptor = _ring + page, end = _ring + (page + Pages - 1) % Pages;
            descriptor->Status.Write(PageBytes);
            descriptor->Branch.Write(0);
            // The one before is the end of the program.
            _descriptors.Publish(ref end->Branch, BranchTo(page));
            _given++;
        }
        _context.Wake();
    }

    /// <summary>Has the context look for pages, as it may not have heard that there are some. Once in a while.</summary>
    public void WakeAgain()
    {
        if (_isRunning)
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint WrittenTo(uint page) => PageBytes - (_ring[page].Status.Read() & 0xFFFF);

    private static uint Next(uint page) => (page + 1) % Pages;

    private uint BranchTo(uint page) => _address + page * DescriptorControl.Bytes | 1;
}
