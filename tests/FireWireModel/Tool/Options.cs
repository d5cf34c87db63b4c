using System;
using System.Collections.Generic;
using System.Globalization;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Tool;

/// <summary>What somebody who calls the program got wrong.</summary>
public sealed class UsageException(string message) : Exception(message);

/// <summary>A member of the bus as the command line has it: a kind or a path, and settings.</summary>
public sealed class MemberOptions
{
    private readonly Dictionary<string, string> _settings = [];

    /// <summary>Reads <c>FIRST,name=value,...</c>.</summary>
    /// <exception cref="UsageException">It is not that.</exception>
    public MemberOptions(string text, bool isController)
    {
        string[] parts = text.Split(',');
        First = parts[0];
        IsController = isController;
        foreach (string part in parts[1..])
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !_settings.TryAdd(part[..equals], part[(equals + 1)..]))
                throw new UsageException($"'{part}' in '{text}' is no setting");
        }
    }

    /// <summary>The path of a socket, or a kind of node.</summary>
    public string First { get; }

    public bool IsController { get; }

    /// <summary>Takes a setting; each is asked for once.</summary>
    public string Take(string name, string otherwise) => _settings.Remove(name, out string? value) ? value : otherwise;

    public ulong TakeNumber(string name, ulong otherwise, ulong most)
    {
        if (!_settings.Remove(name, out string? text))
            return otherwise;
        return TryNumber(text, out ulong value) && value <= most ? value : throw new UsageException($"{name}={text}: a number up to {most} is wanted");
    }

    public Speed TakeSpeed(string name, Speed otherwise)
    {
        string text = Take(name, otherwise.ToString());
        return Enum.TryParse(text, out Speed speed) && Enum.IsDefined(speed) ? speed : throw new UsageException($"{name}={text}: S100, S200, S400 or S800 is wanted");
    }

    public bool TakeSwitch(string name, bool otherwise) => Take(name, otherwise ? "on" : "off") switch
    {
        "on" => true,
        "off" => false,
        string text => throw new UsageException($"{name}={text}: on or off is wanted"),
    };

    /// <summary>PCI ids: <c>VVVV:DDDD</c> or <c>VVVV:DDDD:RR</c>, hexadecimal.</summary>
    public (ushort Vendor, ushort Device, byte Revision) TakePci(ushort vendor, ushort device, byte revision)
    {
        if (!_settings.Remove("pci", out string? text))
            return (vendor, device, revision);
        string[] parts = text.Split(':');
        byte given = 0;
        bool isGood = parts.Length is 2 or 3 && TryHex(parts[0], out vendor) && TryHex(parts[1], out device) &&
            (parts.Length == 2 || byte.TryParse(parts[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out given));
        return isGood ? (vendor, device, given) : throw new UsageException($"pci={text}: VVVV:DDDD or VVVV:DDDD:RR is wanted");

        static bool TryHex(string digits, out ushort value) => ushort.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>All settings were taken.</summary>
    /// <exception cref="UsageException">One is none.</exception>
    public void Close()
    {
        foreach (string name in _settings.Keys)
            throw new UsageException($"'{First}' has no setting '{name}'");
    }

    private static bool TryNumber(string text, out ulong value) => text.StartsWith("0x", StringComparison.Ordinal)
        ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

/// <summary>The whole command line.</summary>
public sealed class Options
{
    /// <summary>Controllers and nodes in the order they were named.</summary>
    public List<MemberOptions> Members { get; } = [];

    /// <summary>Cables, <c>NAME[.PORT]-NAME[.PORT]</c>; without any, each member is plugged to the one before.</summary>
    public List<string> Cables { get; } = [];

    public double BusSpeed { get; private set; } = 1;

    public ulong Seed { get; private set; } = 1;

    public string? Trace { get; private set; }

    public bool IsHelp { get; private set; }

    /// <exception cref="UsageException">It is wrong.</exception>
    public static Options Parse(string[] arguments)
    {
        var options = new Options();
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (name is "--help" or "-h")
            {
                options.IsHelp = true;
                return options;
            }
            if (++i == arguments.Length)
                throw new UsageException($"{name}: a value is missing, or there is no such option");
            string value = arguments[i];
            switch (name)
            {
                case "--controller":
                    options.Members.Add(new MemberOptions(value, isController: true));
                    break;
                case "--node":
                    options.Members.Add(new MemberOptions(value, isController: false));
                    break;
                case "--cable":
                    options.Cables.Add(value);
                    break;
                case "--bus-speed":
                    options.BusSpeed = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double speed) && speed is > 0 and <= 1000
                        ? speed : throw new UsageException($"--bus-speed {value}: a factor above 0 is wanted");
                    break;
                case "--seed":
                    options.Seed = ulong.TryParse(value, out ulong seed) ? seed : throw new UsageException($"--seed {value}: a number is wanted");
                    break;
                case "--trace":
                    options.Trace = value;
                    break;
                default:
                    throw new UsageException($"no option {name}");
            }
        }
        return options.Members.Count != 0 ? options : throw new UsageException("a bus needs a --controller or a --node");
    }
}
