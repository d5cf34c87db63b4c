using System;
using System.Buffers.Binary;

namespace Sluice.FireWire.Dv;

/// <summary>What the tape does.</summary>
public enum Transport
{
    Stop,
    Play,
    Pause,
}

/// <summary>
/// Answers AV/C commands: a unit with one tape recorder that plays, pauses, winds at once, and does not record.
/// Source: AV/C Digital Interface Command Set 3.0 (unit), AV/C Tape Recorder/Player Subunit 2.1 (1394 Trade Association).
/// </summary>
public sealed class TapeRecorder(DvSystem system, uint company)
{
    /// <summary>The longest frame of FCP.</summary>
    public const int MostBytes = 512;

    private const int Control = 0, Status = 1, SpecificInquiry = 2, GeneralInquiry = 4;
    private const byte NotImplemented = 8, Accepted = 9, Rejected = 0xA, Stable = 0xC;
    private const byte Unit = 0xFF, Tape = 4 << 3;
    private const byte PlugInfo = 0x02, OutputPlugFormat = 0x18, UnitInfo = 0x30, SubunitInfo = 0x31, TimeCode = 0x51, OutputSignalMode = 0x78, Power = 0xB2, Play = 0xC3, Record = 0xC2,
        Wind = 0xC4, TransportState = 0xD0, MediumInfo = 0xDA;
    private const byte Forward = 0x75, ForwardPause = 0x7D, WindStop = 0x60, Rewind = 0x65, FastForward = 0x75, PowerOn = 0x70;
    private const int WindFrames = 250;

    /// <summary>What the tape does.</summary>
    public Transport Transport { get; private set; }

    /// <summary>The next frame.</summary>
    public long Position { get; set; }

    /// <summary>Answers a command.</summary>
    /// <param name="response">As long as the command; filled with the answer.</param>
    /// <returns>False if it is no command: too short.</returns>
    public bool TryAnswer(ReadOnlySpan<byte> command, Span<byte> response)
    {
        if (command.Length < 4 || command.Length > MostBytes)
            return false;
        command.CopyTo(response);
        int kind = command[0] & 0xF;
        byte code = (kind, command[1], command[2]) switch
        {
            (GeneralInquiry or SpecificInquiry, Tape, TimeCode or OutputSignalMode or Play or Wind or TransportState or MediumInfo) => Stable,
            (GeneralInquiry or SpecificInquiry, Unit, PlugInfo or OutputPlugFormat or UnitInfo or SubunitInfo or Power) => Stable,
            (Status, Unit, _) when command.Length >= 8 || command[2] == Power => AnswerUnit(command[2], response),
            (Status, Tape, _) => AnswerTape(command[2], response),
            (Control, Tape, _) => Move(command[2], command[3]),
            (Control, Unit, Power) => command[3] == PowerOn ? Accepted : Rejected,
            _ => NotImplemented,
        };
        response[0] = code;
        return true;
    }

    private byte AnswerUnit(byte operation, Span<byte> response)
    {
        switch (operation)
        {
            case UnitInfo:
                response[3] = 7;
                BinaryPrimitives.WriteUInt32BigEndian(response[4..], ((uint)Tape << 24) | company);
                return Stable;
            case SubunitInfo:
                // Page 0 has the one there is.
                (response[4], response[5], response[6], response[7]) = ((response[3] & 0x70) == 0 ? Tape : (byte)0xFF, 0xFF, 0xFF, 0xFF);
                return Stable;
            case PlugInfo when response[3] == 0:
                // Isochronous inputs and outputs, external ones.
                (response[4], response[5], response[6], response[7]) = (0, 1, 0, 0);
                return Stable;
            case OutputPlugFormat when response[3] == 0:
                // SD-DVCR (IEC 61883-2), 50/60.
                (response[4], response[5], response[6], response[7]) = (0x80, (byte)(system.Flag << 7), 0xFF, 0xFF);
                return Stable;
            case Power:
                response[3] = PowerOn;
                return Stable;
            default:
                return NotImplemented;
        }
    }

    private byte AnswerTape(byte operation, Span<byte> response)
    {
        switch (operation)
        {
            case TransportState:
                (response[2], response[3]) = Transport switch
                {
                    Transport.Play => (Play, Forward),
                    Transport.Pause => (Play, ForwardPause),
                    _ => (Wind, WindStop),
                };
                return Stable;
            case TimeCode when response.Length >= 8 && response[3] == 0x71:
                uint time = DvFrame.TimeOf(system, Position);
                BinaryPrimitives.WriteUInt32LittleEndian(response[4..], time);
                return Stable;
            case OutputSignalMode:
                response[3] = (byte)(system.Flag << 7);
                return Stable;
            case MediumInfo when response.Length >= 5:
                // A small DV cassette, which is protected.
                (response[3], response[4]) = (0x31, 0x31);
                return Stable;
            default:
                return NotImplemented;
        }
    }

    private byte Move(byte operation, byte operand)
    {
        switch (operation, operand)
        {
            case (Play, Forward):
                Transport = Transport.Play;
                return Accepted;
            case (Play, ForwardPause):
                Transport = Transport.Pause;
                return Accepted;
            case (Wind, WindStop):
                Transport = Transport.Stop;
                return Accepted;
            case (Wind, Rewind):
                (Transport, Position) = (Transport.Stop, 0);
                return Accepted;
            case (Wind, FastForward):
                (Transport, Position) = (Transport.Stop, Position + WindFrames);
                return Accepted;
            case (Play or Wind or Record, _):
                return Rejected;
            default:
                return NotImplemented;
        }
    }
}
