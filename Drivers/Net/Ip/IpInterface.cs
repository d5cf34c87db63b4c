using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// IPv4 on one network device: ARP, ICMP echo, UDP, and a DHCP client if wanted. Packets are used where they lie: answers to echoes go out in the
/// frame that the question came in. Every packet that is dropped is counted in <see cref="Counters"/>. Nothing is allocated after
/// the interface was made. Runs as work in the CPU's loop; its methods are for any context of that CPU but interrupt handlers.
/// Read <c>IpInterface.Receive.cs</c>, then <c>IpInterface.Send.cs</c>.
/// </summary>
public sealed unsafe partial class IpInterface : IWork, ITimerHandler
{
    /// <summary>Sockets of one interface.</summary>
    public const int SocketCount = 8;

    private const int Batch = 32, OutCapacity = 64, SelfCapacity = 16, EchoCapacity = 32, Neighbours = 32, MostPending = 16;
    private const ushort FirstEphemeralPort = 49152;

    private readonly INetworkDevice _device;
    private readonly FramePool _pool;
    private readonly WorkItem _work;
    private readonly Timer _timer;
    private readonly Frame[] _batch = new Frame[Batch], _out = new Frame[OutCapacity];
    private readonly FrameQueue _self = new(SelfCapacity);
    private readonly UdpSocket[] _sockets = new UdpSocket[SocketCount];
    private readonly bool _deviceInsertsChecksums, _deviceTags;
    private readonly MacAddress _hardware;
    private Ipv4Address _address, _mask, _directed;
    private int _outCount;
    private ulong _retryAt = ulong.MaxValue, _nextTimeout = ulong.MaxValue;
    private ushort _identification, _vlan;
    private bool _linkWasUp;
    private ulong _linkLogged;

    /// <summary>Makes one on a device and listens to it; it has no address yet. Only while the kernel starts.</summary>
    /// <param name="device">Where packets come and go; nobody else uses it.</param>
    /// <param name="pool">Where frames for new packets come from.</param>
    /// <param name="seed">Of port numbers, identifications and the spread of retransmissions.</param>
    public IpInterface(INetworkDevice device, FramePool pool, ulong seed)
    {
        _device = device;
        _pool = pool;
        _hardware = device.Address;
        _deviceInsertsChecksums = (device.Features & NetworkFeatures.InsertsChecksums) != 0;
        _deviceTags = (device.Features & NetworkFeatures.Vlan) != 0;
        Random = new SeededRandom(seed ^ _hardware.Number);
        _identification = (ushort)Random.Next();
        _work = new WorkItem(this);
        _timer = new Timer(this);
        for (int i = 0; i < SocketCount; i++)
            _sockets[i] = new UdpSocket(this);
        Dhcp = new DhcpClient(this);
        device.Listener = _work;
        _work.Mark();
    }

    /// <summary>The device under it.</summary>
    public INetworkDevice Device => _device;

    /// <summary>What happened to its packets.</summary>
    public IpCounters Counters { get; } = new();

    /// <summary>What asks a server for an address; idle unless started.</summary>
    public DhcpClient Dhcp { get; }

    /// <summary>Its address; none until configured.</summary>
    public Ipv4Address Address => _address;

    /// <summary>The mask of its own net.</summary>
    public Ipv4Address Mask => _mask;

    /// <summary>Where packets for other nets go; none if nowhere.</summary>
    public Ipv4Address Gateway { get; private set; }

    /// <summary>Of its frames; 0 for none. Frames of other VLANs are dropped.</summary>
    public ushort Vlan
    {
        get => _vlan;
        set => _vlan = (ushort)(value & 0xFFF);
    }

    /// <summary>Its sockets, open or not.</summary>
    public ReadOnlySpan<UdpSocket> Sockets => _sockets;

    internal SeededRandom Random;

    /// <summary>Gives it an address.</summary>
    /// <param name="prefix">Leading ones of its net's mask.</param>
    /// <param name="gateway">None, or where packets for other nets go.</param>
    public void Configure(Ipv4Address address, int prefix, Ipv4Address gateway)
    {
        _address = address;
        _mask = Ipv4Address.Mask(prefix);
        // All hosts of the net; nets of one or two hosts have no such address.
        _directed = prefix < 31 ? Ipv4Address.FromRaw(address.Raw | ~_mask.Raw) : Ipv4Address.Broadcast;
        Gateway = gateway;
        ForgetNeighbours();
    }

    /// <summary>Takes its address away.</summary>
    public void Unconfigure()
    {
        _address = _mask = _directed = Gateway = default;
        ForgetNeighbours();
    }

    /// <summary>Whether an address is in its own net.</summary>
    public bool IsOnLink(Ipv4Address address) => !_address.IsNone && ((address.Raw ^ _address.Raw) & _mask.Raw) == 0;

    /// <summary>Whether packets can go to an address from here.</summary>
    public bool HasRoute(Ipv4Address address) =>
        !_address.IsNone && (IsOnLink(address) || address == Ipv4Address.Broadcast || address.IsMulticast || address.IsLoopback || !Gateway.IsNone);

    /// <summary>Opens a socket; false if all are in use or somebody has the port.</summary>
    /// <param name="port">0 chooses one that nobody has.</param>
    /// <param name="isEcho">See <see cref="UdpSocket.IsEcho"/>.</param>
    public bool TryOpen(ushort port, out UdpSocket? socket, bool isEcho = false)
    {
        socket = null;
        while (port == 0 || Find(Big16.RawOf(port)) != null)
        {
            if (port != 0)
                return false;
            ushort wanted = (ushort)(FirstEphemeralPort + Random.Below(ushort.MaxValue - FirstEphemeralPort));
            port = Find(Big16.RawOf(wanted)) == null ? wanted : (ushort)0;
        }
        foreach (UdpSocket candidate in _sockets)
        {
            if (candidate.Port != 0)
                continue;
            candidate.Open(port, isEcho);
            socket = candidate;
            return true;
        }
        return false;
    }

    /// <summary>Has it look at the device and at its times soon.</summary>
    public void Wake() => _work.Mark();

    /// <inheritdoc/>
    [PacketPath]
    public bool Work(int budget)
    {
        bool more = true;
        while (budget > 0)
        {
            int wanted = Math.Min(budget, Batch);
            int count = _device.Receive(new Span<Frame>(_batch, 0, wanted));
            for (int i = 0; i < count; i++)
                Handle(ref _batch[i]);
            budget -= wanted;
            if (count < wanted)
            {
                more = false;
                break;
            }
        }
        while (budget-- > 0 && _self.TryPop(out Frame own))
            HandleOwn(ref own);
        Dhcp.Receive();
        if (_outCount != 0)
            Flush();
        LookAtTime();
        return more || _self.Count != 0 || _device.Arm();
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <summary>Frees all that waits, for the end or a test.</summary>
    public void Clear()
    {
        Flush();
        for (int i = 0; i < _outCount; i++)
            _out[i].Free();
        _outCount = 0;
        _self.Clear();
        _echoes.Clear();
        ForgetNeighbours();
        foreach (UdpSocket socket in _sockets)
            socket.Close();
        _timer.Cancel();
    }

    // One line a second in the long run, ten at once: a link may go up and down as often as it likes. The device counts them all.
    private void LogLink(LinkState link, ulong now)
    {
        const ulong each = 1_000_000, ahead = 9 * each;
        if (_linkLogged > now + ahead)
            return;
        _linkLogged = Math.Max(_linkLogged, now) + each;
        if (link.IsUp)
            Log.Info($"{_device.Name}: link up, {link.Megabits} Mb/s {(link.IsFullDuplex ? "full"u8 : "half"u8)} duplex");
        else
            Log.Info($"{_device.Name}: link down");
    }

    // Link changes, and whatever is due.
    private void LookAtTime()
    {
        bool isUp = _device.Link.IsUp;
        ulong now = Clock.Microseconds;
        if (isUp != _linkWasUp)
        {
            _linkWasUp = isUp;
            LogLink(_device.Link, now);
            if (isUp)
                Dhcp.LinkCameUp(now);
        }
        ulong due = _arp.Due;
        if (due <= now)
        {
            AskNeighbours(now);
            due = _arp.Due;
        }
        Dhcp.Tick(now);
        if (_outCount != 0)
            Flush();
        ulong next = Math.Min(Math.Min(due, Dhcp.Due), _retryAt);
        if (next == _nextTimeout && (_timer.IsRunning || next == ulong.MaxValue))
            return;
        _nextTimeout = next;
        if (next == ulong.MaxValue)
            _timer.Cancel();
        else
            _timer.StartAt(next);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private void Drop(ref Frame frame, IpCounter why)
    {
        Counters.Add(why);
        frame.Free();
    }
}
