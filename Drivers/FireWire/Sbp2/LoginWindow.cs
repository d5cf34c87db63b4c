using System;
using Sluice.FireWire.Core;

namespace Sluice.Drivers.Sbp2;

/// <summary>
/// What a target may reach of our space with the controller's doors shut: the management ORB, to be read; the answer to a login, while one
/// is under way; and the place for status blocks. For the disk's node alone, on the bus of now.
/// </summary>
internal sealed class LoginWindow(Sbp2Disk disk, ulong start) : AddressHandler(start, WindowBytes)
{
    public const ulong WindowBytes = 0x100, ResponseAt = 0x40, StatusAt = 0x80;

    private readonly byte[] _orb = new byte[Management.OrbBytes], _response = new byte[Management.ResponseBytes];

    /// <summary>Where the ORB is: at each of two places in turn, so that a late status is of no request that is under way.</summary>
    public ulong OrbAt { get; private set; }

    public Span<byte> Orb => _orb;

    public Span<byte> Response => _response;

    public void Turn() => OrbAt ^= Management.OrbBytes;

    public override ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data)
    {
        ulong at = offset - Start - OrbAt;
        if (!disk.IsFrom(request) || !disk.IsManaging || at >= Management.OrbBytes || at + (uint)data.Length > Management.OrbBytes)
            return Refuse();
        Orb.Slice((int)at, data.Length).CopyTo(data);
        return ResponseCode.Complete;
    }

    public override ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data)
    {
        ulong at = offset - Start;
        if (!disk.IsFrom(request))
            return Refuse();
        if (at == StatusAt)
        {
            disk.TakeStatus(data);
            return ResponseCode.Complete;
        }
        at -= ResponseAt;
        if (at >= Management.ResponseBytes || at + (uint)data.Length > Management.ResponseBytes || !disk.IsLoggingIn)
            return Refuse();
        data.CopyTo(Response[(int)at..]);
        return ResponseCode.Complete;
    }

    private ResponseCode Refuse()
    {
        disk.Counters.Strangers++;
        return ResponseCode.AddressError;
    }
}
