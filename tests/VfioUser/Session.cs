using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.VfioUser;

/// <summary>One client from its first message to its last.</summary>
internal sealed class Session(Connection connection, PciDevice device)
{
    private const ushort Major = 0, Minor = 0;

    private static readonly byte[] _capabilities =
        Encoding.UTF8.GetBytes($"{{\"capabilities\":{{\"max_msg_fds\":{Connection.MostFiles},\"max_data_xfer_size\":{Connection.MostTransfer}}}}}\0");

    private bool _isAgreed;

    /// <summary>Serves the client until it leaves.</summary>
    /// <exception cref="ProtocolException">It breaks the protocol.</exception>
    public void Run()
    {
        while (connection.TryReceive(out Request request))
        {
            MessageHeader header = request.Header;
            if ((header.Flags & MessageFlags.TypeMask) != MessageFlags.Request)
                throw new ProtocolException("a reply to a request that was never made");
            if (!_isAgreed && header.Command != Command.Version)
                throw new ProtocolException($"{header.Command} before the version");
            Errno error = Serve(request, out int replyBytes);
            if ((header.Flags & MessageFlags.NoReply) == 0 && !connection.Reply(header, replyBytes, error))
                return;
        }
    }

    private Errno Serve(in Request request, out int replyBytes)
    {
        replyBytes = 0;
        return request.Header.Command switch
        {
            Command.Version => Agree(request, out replyBytes),
            Command.DmaMap => request.TryRead(out DmaMapRequest map) ? device.Memory.Map(map, request.TakeFile(0)) : Short(),
            Command.DmaUnmap => Unmap(request, out replyBytes),
            Command.DeviceGetInfo => Describe(out replyBytes),
            Command.DeviceGetRegionInfo => DescribeRegion(request, out replyBytes),
            Command.DeviceGetIrqInfo => DescribeInterrupt(request, out replyBytes),
            Command.DeviceSetIrqs => request.TryRead(out InterruptSet set) ? device.Interrupt.Configure(set, request) : Short(),
            Command.RegionRead => Read(request, out replyBytes),
            Command.RegionWrite => Write(request, out replyBytes),
            Command.DeviceReset => Reset(),
            _ => Errno.NotSupported,
        };
    }

    private static Errno Short() => throw new ProtocolException("a message shorter than its kind");

    private Errno Agree(in Request request, out int replyBytes)
    {
        if (_isAgreed)
            throw new ProtocolException("the version twice");
        if (request.Payload.Length < 4)
            Short();
        ushort major = MemoryMarshal.Read<ushort>(request.Payload);
        if (major != Major)
            throw new ProtocolException($"version {major} of the protocol");
        // Clients have room for as much as they sent.
        ReadOnlySpan<byte> capabilities = _capabilities.Length <= request.Payload.Length - 4 ? _capabilities : [];
        replyBytes = 4 + capabilities.Length;
        Span<byte> reply = connection.ReplyPayload(replyBytes);
        MemoryMarshal.Write(reply, Major);
        MemoryMarshal.Write(reply[2..], Minor);
        capabilities.CopyTo(reply[4..]);
        _isAgreed = true;
        return Errno.None;
    }

    private Errno Unmap(in Request request, out int replyBytes)
    {
        replyBytes = 0;
        if (!request.TryRead(out DmaUnmapRequest unmap))
            return Short();
        Errno error = device.Memory.Unmap(unmap.Address, unmap.Length);
        if (error == Errno.None)
            replyBytes = Answer(unmap);
        return error;
    }

    private Errno Describe(out int replyBytes)
    {
        replyBytes = Answer(new DeviceInfo
        {
            ArgumentBytes = (uint)Marshal.SizeOf<DeviceInfo>(),
            Flags = DeviceInfo.HasReset | DeviceInfo.IsPci,
            Regions = RegionIndex.Count,
            Interrupts = InterruptIndex.Count,
        });
        return Errno.None;
    }

    private Errno DescribeRegion(in Request request, out int replyBytes)
    {
        replyBytes = 0;
        if (!request.TryRead(out RegionInfo info))
            return Short();
        if (info.Index >= RegionIndex.Count)
            return Errno.Invalid;
        uint length = LengthOf(info.Index);
        replyBytes = Answer(new RegionInfo
        {
            ArgumentBytes = (uint)Marshal.SizeOf<RegionInfo>(),
            Flags = length != 0 ? RegionInfo.Read | RegionInfo.Write : 0,
            Index = info.Index,
            Length = length,
        });
        return Errno.None;
    }

    private Errno DescribeInterrupt(in Request request, out int replyBytes)
    {
        replyBytes = 0;
        if (!request.TryRead(out InterruptInfo info))
            return Short();
        if (info.Index >= InterruptIndex.Count)
            return Errno.Invalid;
        (uint flags, bool has) = info.Index switch
        {
            InterruptIndex.Pin => (InterruptInfo.EventFd | InterruptInfo.Maskable | InterruptInfo.AutoMasked, device.Configuration.HasPin),
            InterruptIndex.Msi => (InterruptInfo.EventFd | InterruptInfo.NoResize, device.Configuration.HasMsi),
            _ => (InterruptInfo.EventFd, false),
        };
        replyBytes = Answer(new InterruptInfo
        {
            ArgumentBytes = (uint)Marshal.SizeOf<InterruptInfo>(),
            Flags = flags,
            Index = info.Index,
            Count = has ? 1u : 0,
        });
        return Errno.None;
    }

    private Errno Read(in Request request, out int replyBytes)
    {
        replyBytes = 0;
        if (!request.TryRead(out RegionAccess access))
            return Short();
        if (!IsWithin(access))
            return Errno.Invalid;
        int count = (int)access.Count;
        Span<byte> reply = connection.ReplyPayload(RegionAccess.Bytes + count);
        MemoryMarshal.Write(reply, access);
        Span<byte> data = reply[RegionAccess.Bytes..];
        if (access.Region == RegionIndex.Configuration)
        {
            device.Configuration.Read((int)access.Offset, data);
        }
        else
        {
            ulong value = device.Read((int)access.Region, (uint)access.Offset, count);
            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value))[..count].CopyTo(data);
        }
        replyBytes = RegionAccess.Bytes + count;
        return Errno.None;
    }

    private Errno Write(in Request request, out int replyBytes)
    {
        replyBytes = 0;
        if (!request.TryRead(out RegionAccess access))
            return Short();
        if (!IsWithin(access))
            return Errno.Invalid;
        int count = (int)access.Count;
        ReadOnlySpan<byte> data = request.Payload[RegionAccess.Bytes..];
        if (data.Length < count)
            return Short();
        data = data[..count];
        if (access.Region == RegionIndex.Configuration)
        {
            WriteConfiguration((int)access.Offset, data);
        }
        else
        {
            ulong value = 0;
            data.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
            device.Write((int)access.Region, (uint)access.Offset, count, value);
        }
        replyBytes = Answer(access);
        return Errno.None;
    }

    private void WriteConfiguration(int offset, ReadOnlySpan<byte> data)
    {
        device.Configuration.Write(offset, data);
        device.Memory.IsBusMaster = device.Configuration.IsBusMaster;
        device.Interrupt.ConfigurationChanged();
        device.ConfigurationWritten(offset, data.Length);
    }

    private Errno Reset()
    {
        device.Configuration.Reset();
        device.Memory.IsBusMaster = false;
        device.Reset();
        return Errno.None;
    }

    private uint LengthOf(uint region) => region switch
    {
        < RegionIndex.Bars => device.Configuration.BarBytes((int)region),
        RegionIndex.Configuration => ConfigurationSpace.Bytes,
        _ => 0,
    };

    // Registers are accessed one at a time, aligned; configuration space in any length.
    private bool IsWithin(in RegionAccess access)
    {
        if (access.Region >= RegionIndex.Count || access.Count == 0)
            return false;
        uint length = LengthOf(access.Region);
        if (access.Count > length || access.Offset > length - access.Count)
            return false;
        return access.Region == RegionIndex.Configuration || (access.Count is 1 or 2 or 4 or 8 && access.Offset % access.Count == 0);
    }

    private int Answer<T>(in T answer) where T : unmanaged
    {
        int bytes = Marshal.SizeOf<T>();
        MemoryMarshal.Write(connection.ReplyPayload(bytes), answer);
        return bytes;
    }
}
