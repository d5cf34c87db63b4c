using System;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// The serial EEPROM (93C46 with 64 words, or 93C66 with 256): who the card is. Source: 8255x manual, section 6.3.4.
public sealed partial class I8255x
{
    private const int MostEepromWords = 256, MostAddressBits = 8, LeastAddressBits = 6;

    // Start bit and opcode of a read; the sum over all words.
    private const int ReadCommand = 0b110, ReadCommandBits = 3;
    private const ushort EepromSum = 0xBABA;

    // A microsecond for each half of the slowest one's clock, and some.
    private const ulong EepromHalfClock = 3;

    private const int AddressWords = 3, PhyWord = 6;

    /// <summary>Reads it all and checks its sum.</summary>
    /// <returns><see cref="Error.Malformed"/> if the sum is wrong, it does not answer, or no card can have its address.</returns>
    private Error ReadEeprom()
    {
        // A word that does not matter tells how many address bits it takes: it answers the last with a zero.
        int addressBits = 0;
        ReadWord(0, ref addressBits);
        if (addressBits is not (LeastAddressBits or MostAddressBits))
            return Function.IsGone ? Error.DeviceGone : Error.Malformed;
        ushort sum = 0;
        ulong address = 0;
        for (int word = 0; word < 1 << addressBits; word++)
        {
            ushort value = ReadWord(word, ref addressBits);
            sum += value;
            if (word < AddressWords)
                address |= (ulong)value << (16 * word);
            else if (word == PhyWord)
                _phyWord = value;
        }
        Address = MacAddress.FromNumber(address);
        return sum == EepromSum && Address.IsStation ? Error.None : Error.Malformed;
    }

    // addressBits 0: not known yet; then it is found, or stays 0.
    private ushort ReadWord(int word, ref int addressBits)
    {
        int wanted = addressBits == 0 ? MostAddressBits : addressBits;
        Select(EepromWires.Select);
        for (int bit = ReadCommandBits - 1; bit >= 0; bit--)
            Shift((ReadCommand >> bit & 1) != 0);
        bool isKnown = addressBits != 0;
        for (int bit = wanted - 1; bit >= 0; bit--)
        {
            bool answered = !Shift((word >> bit & 1) != 0);
            if (isKnown || !answered)
                continue;
            addressBits = wanted - bit;
            break;
        }
        ushort value = 0;
        for (int bit = 0; bit < 16; bit++)
            value = (ushort)(value << 1 | (Shift(false) ? 1 : 0));
        Select(0);
        return value;
    }

    // One bit to the EEPROM, which takes it as the clock rises; returns what stands at its output. The next one's wires let the clock fall.
    private bool Shift(bool bit)
    {
        EepromWires wires = EepromWires.Select | (bit ? EepromWires.ToEeprom : 0);
        Select(wires);
        Select(wires | EepromWires.Clock);
        return (_registers.Eeprom & EepromWires.FromEeprom) != 0;
    }

    private void Select(EepromWires wires)
    {
        _registers.Eeprom = wires;
        Clock.Delay(EepromHalfClock);
    }
}
