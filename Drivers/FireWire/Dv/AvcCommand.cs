using System;

namespace Sluice.Drivers.Dv;

/// <summary>
/// The commands that are given, and what responses say. Source: AV/C Digital Interface Command Set, General Specification 4.0, sections 7 and
/// 9 (1394 Trade Association, TS 1999026); AV/C Tape Recorder/Player Subunit Specification 2.1 (TS 1999025).
/// </summary>
internal static class AvcCommand
{
    public const int Interim = 0xF, Accepted = 9, Stable = 0xC;

    /// <summary>Pages of <see cref="AskSubunits"/>, four entries each.</summary>
    public const int SubunitPages = 8;

    // Says nothing more; no entry; the type of tape recorders and players.
    private const byte ExtensionCode = 7, NoSubunit = 0xFF, TapeRecorder = 4;

    private const byte WindOperation = 0xC4, StopOperand = 0x60, TransportOperation = 0xD0;

    /// <summary>OUTPUT PLUG SIGNAL FORMAT of the unit's first isochronous plug.</summary>
    public static ReadOnlySpan<byte> AskFormat => [1, 0xFF, 0x18, 0, 0xFF, 0xFF, 0xFF, 0xFF];

    /// <summary>SUBUNIT INFO of the unit (9.3); its fourth byte says which page of the list, 0 to 7.</summary>
    public static ReadOnlySpan<byte> AskSubunits => [1, 0xFF, 0x31, ExtensionCode, 0xFF, 0xFF, 0xFF, 0xFF];

    /// <summary>TRANSPORT STATE of the first tape.</summary>
    public static ReadOnlySpan<byte> AskTransport => [1, 0x20, TransportOperation, 0x7F];

    /// <summary>PLAY, forward.</summary>
    public static ReadOnlySpan<byte> Play => [0, 0x20, 0xC3, 0x75];

    /// <summary>WIND, stop.</summary>
    public static ReadOnlySpan<byte> Stop => [0, 0x20, WindOperation, StopOperand];

    /// <summary>Whether it may answer an operation: it has the same, or that of what the tape does.</summary>
    public static bool IsOf(ReadOnlySpan<byte> response, byte operation) => response[2] == operation || operation == TransportOperation;

    public static int KindOf(ReadOnlySpan<byte> response) => response[0] & 0xF;

    /// <summary>The answer to <see cref="AskFormat"/> names something that is not DV (61883-2: format 0).</summary>
    public static bool IsOtherFormat(ReadOnlySpan<byte> response) => KindOf(response) == Stable && response.Length > 4 && (response[4] & 0x3F) != 0;

    /// <summary>The fourth byte of a command for a page.</summary>
    public static byte PageOf(int page) => (byte)(page << 4 | ExtensionCode);

    /// <summary>A page of the answer to <see cref="AskSubunits"/> names a tape recorder or player.</summary>
    /// <param name="isLast">No page follows that has something.</param>
    public static bool HasTape(ReadOnlySpan<byte> response, out bool isLast)
    {
        isLast = KindOf(response) != Stable || response.Length < AskSubunits.Length;
        bool hasTape = false;
        // Type 7:3, highest number of its kind 2:0.
        for (int i = 4; i < AskSubunits.Length && !isLast; i++)
        {
            hasTape |= response[i] >> 3 == TapeRecorder;
            isLast = response[i] == NoSubunit;
        }
        return hasTape;
    }

    /// <summary>The answer to <see cref="AskTransport"/> says that the tape stands still.</summary>
    public static bool IsStopped(ReadOnlySpan<byte> response) => KindOf(response) == Stable && response[2] == WindOperation && response[3] == StopOperand;
}
