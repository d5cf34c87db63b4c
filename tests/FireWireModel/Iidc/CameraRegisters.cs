using System;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Iidc;

/// <summary>The registers of a camera: what it can, and what it is to do. Bit 0 of the specification is the highest. Source: IIDC 1.31, section 3.</summary>
internal sealed class CameraRegisters
{
    private const int Initialize = 0x000, FormatInquiry = 0x100, ModeInquiry = 0x180, RateInquiry = 0x200, BasicInquiry = 0x400, FeatureHighInquiry = 0x404,
        FeatureLowInquiry = 0x408, BrightnessInquiry = 0x500, CurrentRate = 0x600, CurrentMode = 0x604, CurrentFormat = 0x608, IsochronousChannel = 0x60C,
        Power = 0x610, IsochronousEnable = 0x614, OneShot = 0x61C, ModeError = 0x628, DataDepth = 0x630, BrightnessControl = 0x800, RegistersEnd = 0x1000;

    private const uint Top = 1u << 31;
    // What it has of BASIC_FUNC: VMODE_ERROR_STATUS, power can be switched, one shot and several.
    private const uint Basic = (1u << 30) | (1u << 15) | (1u << 12) | (1u << 11);
    // Present, readable, by hand, from 0 to 255.
    private const uint BrightnessCan = Top | (1u << 27) | (1u << 24) | 255;

    private int _mode = 5, _rate = 3, _format, _shots;
    private bool _isEnabled, _isOn = true;

    /// <summary>Whether a frame follows the one that it sends.</summary>
    public bool IsSending => _isOn && (_isEnabled || _shots > 0) && IsPossible;

    public VideoMode Mode => VideoMode.Of(_mode);

    /// <summary>2^n times 1.875 frames a second.</summary>
    public int Rate => _rate;

    public int Channel { get; private set; }

    public Speed Speed { get; private set; } = Speed.S400;

    public int Brightness { get; private set; } = 128;

    // The format, the mode and the rate are ones that it has, and its packets ones that the speed has.
    private bool IsPossible => _format == 0 && _mode < VideoMode.Count && Mode.HasRate(_rate) && Mode.PacketBytes(_rate) <= Speed.MostIsochronousBytes;

    /// <summary>Its power is switched off; the rest of its registers stay as they are.</summary>
    public void SwitchOff() => _isOn = false;

    public void FrameSent() => _shots = Math.Max(0, _shots - 1);

    public bool TryRead(int register, out uint value)
    {
        value = register switch
        {
            FormatInquiry => Top,
            ModeInquiry => uint.MaxValue << (32 - VideoMode.Count),
            >= RateInquiry and < RateInquiry + 0x20 => (register - RateInquiry) / 4 < VideoMode.Count ? (uint)VideoMode.Of((register - RateInquiry) / 4).Rates << 24 : 0,
            BasicInquiry => Basic,
            FeatureHighInquiry => Top,
            FeatureLowInquiry => 0,
            BrightnessInquiry => BrightnessCan,
            CurrentRate => (uint)_rate << 29,
            CurrentMode => (uint)_mode << 29,
            CurrentFormat => (uint)_format << 29,
            IsochronousChannel => ((uint)Channel << 28) | ((uint)Speed << 24),
            Power => _isOn ? Top : 0,
            IsochronousEnable => _isEnabled ? Top : 0,
            OneShot => _shots == 0 ? 0 : Top | (uint)_shots,
            ModeError => IsPossible ? 0 : Top,
            DataDepth => Mode.Coding == PixelCoding.Mono16 ? 16u << 24 : 8u << 24,
            BrightnessControl => Top | (1u << 25) | (uint)Brightness,
            // What it has not is inquired, too: zero.
            _ => 0,
        };
        return register < RegistersEnd;
    }

    public bool TryWrite(int register, uint value)
    {
        // As many cameras do: what it sends is not changed while it sends.
        if (_isEnabled && register is >= CurrentRate and <= IsochronousChannel)
            return false;
        switch (register)
        {
            case Initialize:
                if ((value & Top) != 0)
                    (_mode, _rate, _format, _shots, _isEnabled, Brightness) = (5, 3, 0, 0, false, 128);
                return true;
            case CurrentRate:
                _rate = (int)(value >> 29);
                return true;
            case CurrentMode:
                _mode = (int)Math.Min(value >> 29, (uint)VideoMode.Count - 1);
                return true;
            case CurrentFormat:
                _format = (int)(value >> 29);
                return true;
            case IsochronousChannel:
                Channel = (int)(value >> 28);
                Speed = (Speed)Math.Min((value >> 24) & 3, (uint)Speed.S400);
                return true;
            case Power:
                _isOn = (value & Top) != 0;
                return true;
            case IsochronousEnable:
                _isEnabled = (value & Top) != 0;
                return true;
            case OneShot:
                // One, or as many as bits 15:0 say.
                _shots = (value & Top) != 0 ? 1 : (value & (1u << 30)) != 0 ? (int)(value & 0xFFFF) : 0;
                return true;
            case BrightnessControl:
                Brightness = (int)Math.Min(value & 0xFFF, 255);
                return true;
            default:
                return false;
        }
    }
}
