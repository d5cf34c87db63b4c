namespace Sluice.Devices;

// A serial EEPROM, 93C46 or 93C66: it looks at its wires when the clock rises.
public partial class Simulated8255x
{
    private const byte EepromClock = 1, EepromSelect = 2, EepromIn = 4, EepromOut = 8;

    private byte _wires;
    private int _clocks, _eepromCommand, _eepromAddress;
    private bool _output = true;

    /// <summary>Address bits: 6 or 8.</summary>
    public int EepromBits { get; set; } = 6;

    /// <summary>Does not drive its output.</summary>
    public bool EepromIsMute { get; set; }

    /// <summary>Its words.</summary>
    public ushort[] Eeprom { get; private set; } = new ushort[256];

    /// <summary>Sets the last word so that the sum over all is right.</summary>
    public void SumEeprom()
    {
        int last = (1 << EepromBits) - 1;
        ushort sum = 0;
        for (int i = 0; i < last; i++)
            sum += Eeprom[i];
        Eeprom[last] = (ushort)(0xBABA - sum);
    }

    /// <summary>Makes an EEPROM with an address, and with the sum that it must have.</summary>
    protected void MakeEeprom(ulong mac)
    {
        for (int i = 0; i < 3; i++)
            Eeprom[i] = (ushort)(mac >> (16 * i));
        Eeprom[6] = 0x4701;
        SumEeprom();
    }

    private ulong ReadEeprom() => (uint)(byte)(_wires & ~EepromOut) | (_output || EepromIsMute ? EepromOut : 0u);

    private void WriteEeprom(byte wires)
    {
        bool rises = (wires & EepromClock) != 0 && (_wires & EepromClock) == 0;
        _wires = wires;
        if ((wires & EepromSelect) == 0)
        {
            (_clocks, _eepromCommand, _eepromAddress, _output) = (0, 0, 0, true);
            return;
        }
        if (!rises)
            return;
        int bit = (wires & EepromIn) != 0 ? 1 : 0;
        if (_clocks < 3)
        {
            // A start bit, and two of the opcode.
            _eepromCommand = _eepromCommand << 1 | bit;
            if (_eepromCommand != 0)
                _clocks++;
            return;
        }
        int address = _clocks++ - 3;
        if (address < EepromBits)
        {
            _eepromAddress = _eepromAddress << 1 | bit;
            // The zero in front of the data.
            _output = address != EepromBits - 1;
            return;
        }
        int data = address - EepromBits;
        _output = _eepromCommand == 6 && data < 16 && (Eeprom[_eepromAddress] >> (15 - data) & 1) != 0;
    }
}
