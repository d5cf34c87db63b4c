using System;
using Sluice.Console;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>Echoes to a host and what became of them.</summary>
internal static class PingCommand
{
    private const ulong Between = 1_000_000, Patience = 2_000_000, Look = 20_000;
    private const uint UsualCount = 4, MostCount = 1_000_000, UsualBytes = 56;

    public static bool Run(CommandWords words)
    {
        ulong count = UsualCount, first = UsualBytes, last = UsualBytes;
        if (!words.TryNext(out ReadOnlySpan<byte> host) || !NetworkTools.TryReadNumber(ref words, 1, MostCount, ref count) ||
            !TryReadSizes(ref words, ref first, ref last) || words.TryNext(out _))
            return false;
        if (!NetworkTools.TryFindHost(host, out Ipv4Address address, out IpInterface? way))
            return true;
        if (last > way!.LongestPayload)
            Terminal.WriteLine($"  {way.Device.Name} carries at most {way.LongestPayload} bytes at once");
        else
            Ping(way, address, (uint)count, (uint)first, (uint)last);
        return true;
    }

    // SIZE, or FROM-TO.
    private static bool TryReadSizes(ref CommandWords words, ref ulong first, ref ulong last)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> word))
            return true;
        int dash = word.IndexOf((byte)'-');
        return NumberParse.TryParse(dash < 0 ? word : word.Slice(0, dash), out first) && NumberParse.TryParse(dash < 0 ? word : word.Slice(dash + 1), out last)
            && first <= last && last <= ushort.MaxValue;
    }

    // Up to ten are told one by one; more are sent as fast as they come back. Each is a byte longer than the one before, until the last size.
    private static void Ping(IpInterface way, Ipv4Address address, uint count, uint first, uint last)
    {
        Pinger pinger = NetworkTools.Pinger;
        bool tell = count <= 10;
        ulong shortest = ulong.MaxValue, longest = 0, all = 0;
        uint sent = 0, came = 0, wrong = 0;
        pinger.Start(way, first);
        if (first == last)
            Terminal.WriteLine($"  {first} bytes to {address} by {way.Device.Name}");
        else
            Terminal.WriteLine($"  {first} to {last} bytes to {address} by {way.Device.Name}");
        ulong next = Clock.Microseconds, lastSent = next;
        bool givenUp = false;
        while (!givenUp)
        {
            ulong now = Clock.Microseconds;
            if (sent < count && now >= next)
            {
                pinger.TrySend(address, now).Ignore("what does not go out does not come back"u8);
                pinger.Bytes = pinger.Bytes < last ? pinger.Bytes + 1 : first;
                sent++;
                lastSent = now;
                next = now + Between;
            }
            WorkLoop.Turn(Deadline.In(Look));
            now = Clock.Microseconds;
            while (pinger.TryTake(now, out PingReply reply))
            {
                came++;
                wrong += reply.IsRight ? 0u : 1;
                shortest = Math.Min(shortest, reply.Microseconds);
                longest = Math.Max(longest, reply.Microseconds);
                all += reply.Microseconds;
                if (tell)
                    Terminal.WriteLine($"  {reply.Bytes} bytes from {reply.From}: sequence {reply.Sequence}, ttl {reply.TimeToLive}, {reply.Microseconds} us{(reply.IsRight ? default : ", NOT what was sent"u8)}");
                else
                    next = now;
            }
            if (sent == count && (came >= sent || now - lastSent > Patience))
                break;
            givenUp = NetworkTools.IsGivenUp();
        }
        pinger.Stop();
        Terminal.WriteLine($"  {sent} sent, {came} came back, {sent - Math.Min(came, sent)} lost, {wrong} with other bytes than were sent");
        if (came == 0 && way.Device.Link.IsUp && !way.IsReady(address))
            Terminal.WriteLine($"  nobody there says how to reach {address} (no answer to ARP)");
        if (came != 0)
            Terminal.WriteLine($"  shortest {shortest} us, mean {all / came} us, longest {longest} us");
    }
}
