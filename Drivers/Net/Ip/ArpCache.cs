using System;

namespace Sluice.Net;

/// <summary>What is known about a neighbour.</summary>
internal enum ArpAnswer : byte
{
    /// <summary>Its address.</summary>
    Known,

    /// <summary>Its address, but ask again.</summary>
    KnownAskAgain,

    /// <summary>Nothing: ask now.</summary>
    Ask,

    /// <summary>Nothing yet: it was asked.</summary>
    Wait,
}

/// <summary>What a packet taught the cache.</summary>
internal enum ArpLesson : byte
{
    Nothing,
    Confirmed,
    New,

    /// <summary>Another address too soon after the last one.</summary>
    Locked,
}

/// <summary>
/// Ethernet addresses of neighbours: a table of fixed size. A neighbour is confirmed by each ARP packet of its own, asked again after a minute if
/// packets go there, and forgotten when it does not answer three times. When the table is full, the entry that was not used for the longest
/// time gives way. Times are microseconds. Source: RFC 826; RFC 1122, section 2.3.2.
/// </summary>
internal sealed class ArpCache(int capacity)
{
    public const ulong FreshMicroseconds = 60_000_000, RetryMicroseconds = 1_000_000, LockMicroseconds = 1_000_000;
    public const int Tries = 3;

    private readonly Entry[] _entries = new Entry[capacity];

    /// <summary>Entries that are in use.</summary>
    public int Count { get; private set; }

    /// <summary>When somebody must be asked again or given up; the far end of time if nobody.</summary>
    public ulong Due
    {
        get
        {
            ulong due = ulong.MaxValue;
            for (int i = 0; i < Count; i++)
            {
                if (!_entries[i].IsKnown)
                    due = Math.Min(due, _entries[i].Asked + RetryMicroseconds);
            }
            return due;
        }
    }

    /// <summary>An entry for the shell.</summary>
    public void Describe(int index, out Ipv4Address address, out MacAddress hardware)
    {
        address = _entries[index].Address;
        hardware = MacAddress.FromNumber(_entries[index].Hardware);
    }

    /// <summary>Where packets to a neighbour go.</summary>
    /// <param name="evicted">With <see cref="ArpAnswer.Ask"/>: who was given up to make room; none if nobody.</param>
    public ArpAnswer Find(Ipv4Address address, ulong now, out MacAddress hardware, out Ipv4Address evicted)
    {
        evicted = default;
        hardware = default;
        int index = IndexOf(address);
        if (index < 0)
        {
            Add(address, now, out evicted).Asked = now;
            return ArpAnswer.Ask;
        }
        ref Entry entry = ref _entries[index];
        entry.Used = now;
        if (!entry.IsKnown)
            return ArpAnswer.Wait;
        hardware = MacAddress.FromNumber(entry.Hardware);
        if (now - entry.Confirmed < FreshMicroseconds || now - entry.Asked < RetryMicroseconds)
            return ArpAnswer.Known;
        entry.Asked = now;
        if (entry.Asks++ < Tries)
            return ArpAnswer.KnownAskAgain;
        // It moved or went; from the beginning.
        entry.Hardware = 0;
        entry.Asks = 1;
        hardware = default;
        return ArpAnswer.Ask;
    }

    /// <summary>Takes note of a neighbour's own packet.</summary>
    /// <param name="mayAdd">It was for us: then it is remembered although nobody asked.</param>
    public ArpLesson Learn(Ipv4Address address, MacAddress hardware, ulong now, bool mayAdd, out Ipv4Address evicted)
    {
        evicted = default;
        int index = IndexOf(address);
        if (index < 0)
        {
            if (!mayAdd)
                return ArpLesson.Nothing;
            // Not used yet: of all entries the first to give way.
            ref Entry added = ref Add(address, 0, out evicted);
            added.Asks = 0;
            added.Hardware = hardware.Number;
            added.Confirmed = now;
            return ArpLesson.New;
        }
        ref Entry entry = ref _entries[index];
        bool isNew = !entry.IsKnown;
        if (!isNew && entry.Hardware != hardware.Number && now - entry.Confirmed < LockMicroseconds)
            return ArpLesson.Locked;
        entry.Hardware = hardware.Number;
        entry.Confirmed = now;
        entry.Asks = 0;
        return isNew ? ArpLesson.New : ArpLesson.Confirmed;
    }

    /// <summary>
    /// Says of one neighbour whose time is over what is to be done; call it until it returns false.
    /// </summary>
    /// <param name="isGivenUp">It did not answer: the entry is gone. Else: ask again.</param>
    public bool TryExpire(ulong now, out Ipv4Address address, out bool isGivenUp)
    {
        for (int i = 0; i < Count; i++)
        {
            ref Entry entry = ref _entries[i];
            if (entry.IsKnown || now - entry.Asked < RetryMicroseconds)
                continue;
            address = entry.Address;
            isGivenUp = entry.Asks >= Tries;
            entry.Asks++;
            entry.Asked = now;
            if (isGivenUp)
                RemoveAt(i);
            return true;
        }
        address = default;
        isGivenUp = false;
        return false;
    }

    /// <summary>Forgets everybody.</summary>
    public void Clear() => Count = 0;

    private int IndexOf(Ipv4Address address)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_entries[i].Address == address)
                return i;
        }
        return -1;
    }

    private ref Entry Add(Ipv4Address address, ulong used, out Ipv4Address evicted)
    {
        evicted = default;
        int index = Count;
        if (index == _entries.Length)
        {
            index = 0;
            for (int i = 1; i < _entries.Length; i++)
            {
                if (_entries[i].Used < _entries[index].Used)
                    index = i;
            }
            evicted = _entries[index].Address;
        }
        else
        {
            Count++;
        }
        ref Entry entry = ref _entries[index];
        entry = default;
        entry.Address = address;
        entry.Used = used;
        entry.Asks = 1;
        return ref entry;
    }

    private void RemoveAt(int index) => _entries[index] = _entries[--Count];

    private struct Entry
    {
        public Ipv4Address Address;

        /// <summary>Requests sent since it answered last.</summary>
        public byte Asks;

        /// <summary>Its Ethernet address; 0 if it did not answer yet.</summary>
        public ulong Hardware;

        public ulong Confirmed, Asked, Used;

        public readonly bool IsKnown => Hardware != 0;
    }
}
