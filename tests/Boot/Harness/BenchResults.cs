using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Sluice.Tests.Boot.Harness;

/// <summary>The figures that a kernel printed: lines <c>BENCH sluice NAME VALUE</c> on the results channel.</summary>
internal static class BenchResults
{
    private const string Mark = "BENCH sluice ";

    /// <summary>Reads them; a name that comes twice, or a line that does not say one number, is an error.</summary>
    /// <exception cref="InvalidDataException">The results cannot be believed.</exception>
    public static IReadOnlyDictionary<string, double> Parse(string results)
    {
        var figures = new Dictionary<string, double>();
        if (results.Length != 0 && results[^1] != '\n') throw new InvalidDataException("the results end in the middle of a line");
        foreach (string line in results.Split('\n'))
        {
            if (!line.StartsWith(Mark, StringComparison.Ordinal)) continue;
            string[] words = line[Mark.Length..].TrimEnd('\r').Split(' ');
            if (words.Length != 2 || words[0].Length == 0 || !double.TryParse(words[1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
                throw new InvalidDataException($"not a figure: {line}");
            if (!figures.TryAdd(words[0], value)) throw new InvalidDataException($"{words[0]} comes twice");
        }
        return figures;
    }
}
