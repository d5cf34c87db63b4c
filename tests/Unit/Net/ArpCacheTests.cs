using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Net;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>The ARP cache beside a plain model.</summary>
public sealed class ArpCacheTests
{
    private const int Capacity = 8;

    [Fact]
    public void It_does_what_a_plain_list_does()
    {
        for (int seed = 1; seed <= 40; seed++)
            Compare(seed);
    }

    private static void Compare(int seed)
    {
        var random = new Random(seed);
        var cache = new ArpCache(Capacity);
        var model = new List<Neighbour>();
        ulong now = 100_000_000;
        for (int step = 0; step < 3000; step++)
        {
            now += (ulong)random.Next(1, 4) switch { 1 => (ulong)random.Next(1000), 2 => (ulong)random.Next(1_500_000), _ => random.Next(40) == 0 ? 70_000_000ul : 10 };
            Ipv4Address address = Ipv4Address.FromNumber(0x0A00_0000 + (uint)random.Next(1, 13));
            MacAddress mac = MacAddress.FromNumber(0x1000 + (ulong)random.Next(0, 6) * 2);
            Neighbour? known = model.SingleOrDefault(n => n.Address == address);
            string what = $"seed {seed}, step {step}, {address.Number:x}";
            switch (random.Next(3))
            {
                case 0:
                    {
                        ArpAnswer answer = cache.Find(address, now, out MacAddress found, out Ipv4Address evicted);
                        Assert.True(answer == Find(model, known, address, now, out MacAddress expected, out Ipv4Address gone), what);
                        Assert.True((expected, gone) == (found, evicted), what);
                        break;
                    }
                case 1:
                    {
                        bool mayAdd = random.Next(2) == 0;
                        ArpLesson lesson = cache.Learn(address, mac, now, mayAdd, out Ipv4Address evicted);
                        Assert.True((Learn(model, known, address, mac, now, mayAdd, out Ipv4Address gone), gone) == (lesson, evicted), what);
                        break;
                    }
                default:
                    var asked = new List<(Ipv4Address, bool)>();
                    while (cache.TryExpire(now, out Ipv4Address due, out bool givenUp))
                        asked.Add((due, givenUp));
                    Assert.Equal(Expire(model, now).OrderBy(x => x.Item1.Number), asked.OrderBy(x => x.Item1.Number));
                    break;
            }
            Assert.InRange(cache.Count, model.Count, model.Count);
            Assert.Equal(model.Where(n => n.Mac == null).Select(n => n.Asked + 1_000_000).DefaultIfEmpty(ulong.MaxValue).Min(), cache.Due);
        }
    }

    private static ArpAnswer Find(List<Neighbour> model, Neighbour? known, Ipv4Address address, ulong now, out MacAddress mac, out Ipv4Address gone)
    {
        mac = default;
        gone = default;
        if (known == null)
        {
            gone = Put(model, new Neighbour { Address = address, Used = now, Asked = now, Asks = 1 });
            return ArpAnswer.Ask;
        }
        known.Used = now;
        if (known.Mac == null)
            return ArpAnswer.Wait;
        mac = known.Mac.Value;
        if (now - known.Confirmed < 60_000_000 || now - known.Asked < 1_000_000)
            return ArpAnswer.Known;
        known.Asked = now;
        if (known.Asks++ < 3)
            return ArpAnswer.KnownAskAgain;
        (known.Mac, known.Asks, mac) = (null, 1, default);
        return ArpAnswer.Ask;
    }

    private static ArpLesson Learn(List<Neighbour> model, Neighbour? known, Ipv4Address address, MacAddress mac, ulong now, bool mayAdd, out Ipv4Address gone)
    {
        gone = default;
        if (known == null && !mayAdd)
            return ArpLesson.Nothing;
        if (known == null)
        {
            gone = Put(model, new Neighbour { Address = address, Mac = mac, Confirmed = now });
            return ArpLesson.New;
        }
        if (known.Mac != null && known.Mac != mac && now - known.Confirmed < 1_000_000)
            return ArpLesson.Locked;
        bool isNew = known.Mac == null;
        (known.Mac, known.Confirmed, known.Asks) = (mac, now, 0);
        return isNew ? ArpLesson.New : ArpLesson.Confirmed;
    }

    private static List<(Ipv4Address, bool)> Expire(List<Neighbour> model, ulong now)
    {
        var all = new List<(Ipv4Address, bool)>();
        while (model.FindIndex(n => n.Mac == null && now - n.Asked >= 1_000_000) is var index and >= 0)
        {
            Neighbour neighbour = model[index];
            bool over = neighbour.Asks >= 3;
            all.Add((neighbour.Address, over));
            (neighbour.Asks, neighbour.Asked) = (neighbour.Asks + 1, now);
            if (!over)
                continue;
            model[index] = model[^1];
            model.RemoveAt(model.Count - 1);
        }
        return all;
    }

    // Takes the place of the one that was not used for the longest time if there is no other; who that was.
    private static Ipv4Address Put(List<Neighbour> model, Neighbour added)
    {
        if (model.Count < Capacity)
        {
            model.Add(added);
            return default;
        }
        int index = model.FindIndex(n => n.Used == model.Min(other => other.Used));
        Ipv4Address gone = model[index].Address;
        model[index] = added;
        return gone;
    }

    private sealed class Neighbour
    {
        public Ipv4Address Address;
        public MacAddress? Mac;
        public ulong Confirmed, Asked, Used;
        public int Asks;
    }
}
