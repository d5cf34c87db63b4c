using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Sluice.Tests.FireWire.Second;

/// <summary>Bus resets, self-IDs and the ROM that changes with them. Source: 1394 OHCI 1.1, sections 5.5.6, 7.2.3.1, 8.4.2.3 and 11.</summary>
internal sealed partial class SecondController
{
    private readonly List<uint> _resetPackets = [];
    private int _resets;

    /// <summary>The ROM cannot be read with the next reset that it is to be read with.</summary>
    public bool FailsRom { get; set; }

    /// <summary>So many self-ID phases to come have an error (selfIDError, 11.2).</summary>
    public int SelfIdErrors { get; set; }

    public override void ResetStarted()
    {
        _isDeaf = Does(Oddity.UnseenReset);
        if (_isDeaf)
            return;
        bool isWithin = _isResetting;
        _isResetting = true;
        _resets++;
        if (!isWithin || Lot.Takes(Freedom.CountsEachReset))
        {
            _generation = (_generation + 1) & 0xFF;
            _resetPackets.Add(_generation);
            if (!Lot.Takes(Freedom.ResetPacketLate))
                TellOfResets();
        }
        _hasNumber = false;
        _selfIdQuadlets = 0;
        _requestFilter = _physicalFilter = 0;
        _csr = [0x3F, _initial[0], _initial[1], _initial[2]];
        ISender? sending = _sending;
        _sending = null;
        // 6.1: the two exclude each other, the second indication stays.
        _events &= ~Bits.SelfIdComplete;
        _isSilent = Does(Oddity.SilentReset);
        if (!_isSilent)
            Raise(Bits.BusReset);
        foreach (ISender sender in _senders)
            sender.BusReset(sender == sending);
        SwapRom();
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
        if (_isDeaf)
            return;
        if (Does(Oddity.NoOwnSelfId))
            selfIds = WithoutOwn(selfIds);
        // Others may ask from now on, whatever has been told of the reset; what tells of it among their requests comes first.
        _isResetting = false;
        TellOfResets();
        if ((_linkControl & ReceiveSelfIdBit) == 0)
            return;
        uint[] quadlets = new uint[1 + 2 * selfIds.Length];
        quadlets[0] = Lot.Reserved(0xFF00_0000) | _generation << 16 | (CycleTime >> 12 & 0xFFFF);
        for (int i = 0; i < selfIds.Length; i++)
            (quadlets[1 + 2 * i], quadlets[2 + 2 * i]) = (selfIds[i], ~selfIds[i]);
        int reset = _resets;
        Later(Lot.Delay(), () => WriteSelfIds(reset, quadlets, 0));
    }

    // Where in the stream of requests it came is known; when it is there is not.
    private void TellOfResets()
    {
        foreach (uint generation in _resetPackets)
        {
            if (!Does(Oddity.NoMark))
                _requestReceive.TakeReset(Marked(generation));
        }
        _resetPackets.Clear();
    }

    // In pieces: a reset may come in between, and then they are not whole.
    private void WriteSelfIds(int reset, uint[] quadlets, int written)
    {
        if (reset != _resets)
            return;
        _hasSelfIdError &= written != 0;
        int count = Math.Min(quadlets.Length - written, 1 + Lot.Below(16));
        byte[] bytes = new byte[4 * count];
        for (int i = 0; i < count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), quadlets[written + i]);
        if (!Host.TryWrite((_selfIdBuffer & ~0x7FFu) + (uint)(4 * written), bytes))
            _hasSelfIdError = true;
        written += count;
        if (written < quadlets.Length)
        {
            Later(Lot.ShortDelay(), () => WriteSelfIds(reset, quadlets, written));
            return;
        }
        _hasSelfIdError |= SelfIdErrors > 0;
        SelfIdErrors -= SelfIdErrors > 0 ? 1 : 0;
        _selfIdQuadlets = (uint)written;
        Later(Lot.ShortDelay(), () => FinishSelfIds(reset));
    }

    private void FinishSelfIds(int reset)
    {
        if (reset != _resets)
            return;
        FinishNumber();
        if (!_isSilent && !Does(Oddity.SilentSelfIds))
            RaiseLater(Bits.SelfIdComplete | Bits.SelfIdComplete2, () => reset == _resets);
        WantBusAgain();
    }

    // 5.5.6: what was written into ConfigROMmap counts from now on, and header and options are read from there: as words of this computer, in
    // whatever order data is. Some read them also if the link was off when the map was written, as Linux's driver tells.
    private void SwapRom()
    {
        if (!_isImageValid || !_isRomNew)
            return;
        _isRomNew = false;
        _romMap = _nextRomMap;
        bool fails = FailsRom;
        FailsRom = false;
        if (!fails && Host.TryRead32(_romMap, out uint header) && Host.TryRead32(_romMap + 8, out uint options))
        {
            (_romHeader, _busOptions) = (header, options);
            return;
        }
        _isImageValid = false;
        Raise(Bits.Unrecoverable);
    }
}
