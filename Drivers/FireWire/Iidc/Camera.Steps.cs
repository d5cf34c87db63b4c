using Sluice.Drivers.Video;
using Sluice.FireWire.Core;

namespace Sluice.Drivers.Iidc;

// What a camera is asked and told, step by step.
public sealed partial class Camera
{
    // Channels that its register has bits for (IIDC 1.31, section 3.2: ISO_CHANNEL).
    private const ulong Channels = 0xFFFF;

    // What arbitration and gaps may take, in units of bandwidth. Source: IEC 61883-1, 7.4.
    private const uint ArbitrationUnits = 512;

    private int _modeNumber;
    private BusSpeed _speed;

    private enum StartStep
    {
        ReadFunctions,
        WritePower,
        Disable,
        ReadFormats,
        ReadModes,
        ReadRates,
        Allocate,
        WriteRate,
        WriteMode,
        WriteFormat,
        WriteChannel,
        Enable,
        Done,
    }

    // Cameras without the inquiry have no switch, either.
    private protected override bool IsOptional => (StartStep)Step <= StartStep.WritePower;

    private protected override void Do()
    {
        switch ((StartStep)Step)
        {
            case StartStep.ReadFunctions:
                Read(CameraUnit.FunctionInquiry);
                break;
            case StartStep.WritePower:
                Write(CameraUnit.Power, 1u << 31);
                break;
            case StartStep.Disable:
                // It may send still for whoever had it before; nothing below is changed while it does.
                Write(CameraUnit.Enable, 0);
                break;
            case StartStep.ReadFormats:
                Read(CameraUnit.FormatInquiry);
                break;
            case StartStep.ReadModes:
                Read(CameraUnit.ModeInquiry);
                break;
            case StartStep.ReadRates:
                Read(CameraUnit.RateInquiry + 4 * (uint)_modeNumber);
                break;
            case StartStep.Allocate:
                // What was allocated before a bus reset is asked for again by itself.
                if (Resources.Channel < 0)
                {
                    Allocate(Channels, (uint)VideoMode.PacketBytes(Rate), _speed, ArbitrationUnits);
                    break;
                }
                Step++;
                goto case StartStep.WriteRate;
            case StartStep.WriteRate:
                Write(CameraUnit.CurrentRate, (uint)Rate << 29);
                break;
            case StartStep.WriteMode:
                Write(CameraUnit.CurrentMode, (uint)_modeNumber << 29);
                break;
            case StartStep.WriteFormat:
                Write(CameraUnit.CurrentFormat, 0);
                break;
            case StartStep.WriteChannel:
                // Ready before the camera sends.
                if (TryListen(Resources.Channel, VideoMode.Packets(Rate), VideoMode.PacketBytes(Rate), FirstSync))
                    Write(CameraUnit.Channel, (uint)Resources.Channel << 28 | (uint)_speed << 24);
                else
                    Fail(VideoEnd.NoMemory);
                break;
            case StartStep.Enable:
                Write(CameraUnit.Enable, 1u << 31);
                break;
        }
    }

    private protected override void Answered(uint quadlet)
    {
        if ((StartStep)Step == StartStep.ReadFunctions && (quadlet & CameraUnit.HasPower) == 0)
            Step++;
        if (!IsPossible(quadlet))
            Fail(VideoEnd.NoSuchMode);
        else if ((StartStep)(++Step) == StartStep.Done)
            Started();
    }

    private protected override bool TryTell()
    {
        if (Step == 0)
            Write(CameraUnit.Enable, 0);
        return Step == 0;
    }

    private protected override void Told(bool isComplete, uint quadlet) => Step++;

    // Each register's first bits: Format_0, the mode, the rate; what is written is not answered by anything.
    private bool IsPossible(uint value)
    {
        BusSpeed way = Bus.SpeedTo(Node);
        _speed = way < BusSpeed.S400 ? way : BusSpeed.S400;
        int bytes = VideoMode.PacketBytes(Rate);
        return (StartStep)Step switch
        {
            StartStep.ReadFormats => value >> 31 != 0,
            StartStep.ReadModes => (value << _modeNumber) >> 31 != 0,
            // Twice as much as asynchronous packets (IEEE 1394-1995, table 6-4).
            StartStep.ReadRates => (value << Rate) >> 31 != 0 && bytes != 0 && bytes <= 2 * _speed.MostBytes,
            _ => true,
        };
    }

    private void Read(uint register) => Submit(Transaction.ReadQuadlet(Node, NewGeneration(), Registers + register));

    private void Write(uint register, uint value) => Submit(Transaction.WriteQuadlet(Node, NewGeneration(), Registers + register, value));
}
