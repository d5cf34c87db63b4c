using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sluice.Runtime;

namespace Sluice.Build;

/// <summary>
/// Packs a list of names for the kernel's <see cref="PackedName"/>: what a name shares with the front of the one before is left out;
/// then the two bytes that most often stand side by side become one byte, again and again while bytes are left.
/// </summary>
public static class NamePacker
{
    /// <summary>The table of pairs, and the packed names.</summary>
    public static (byte[] Pairs, byte[] Names) Pack(IReadOnlyList<string> names)
    {
        List<List<byte>> rests = [];
        List<byte> shared = [];
        string before = "";
        foreach (string name in names)
        {
            if (name.Length > PackedName.MostBytes || name.Any(character => !PackedName.IsCharacter((byte)character) || character > 0x7F))
                throw new InvalidDataException($"this is no name that can be packed: {name}");
            int same = before.Zip(name, (left, right) => left == right).TakeWhile(equal => equal).Count();
            shared.Add((byte)same);
            rests.Add([.. name[same..].Select(character => (byte)character), 0]);
            before = name;
        }

        byte[] pairs = new byte[2 * PackedName.PairCount];
        for (int number = 0; number < PackedName.PairCount; number++)
        {
            byte code = (byte)(number + 0x7F);
            if (code == 0)
                continue;
            if (!TryFindBest(rests, out (byte First, byte Second) best))
                break;
            (pairs[2 * number], pairs[2 * number + 1]) = best;
            foreach (List<byte> rest in rests)
                Replace(rest, best, code);
        }
        return (pairs, [.. shared.Zip(rests, (same, rest) => (byte[])[same, .. rest]).SelectMany(bytes => bytes)]);
    }

    // Ties go to the lower bytes, so that the same names always give the same list.
    private static bool TryFindBest(List<List<byte>> rests, out (byte, byte) best)
    {
        int[] counts = new int[1 << 16];
        foreach (List<byte> rest in rests)
        {
            for (int i = 1; i < rest.Count; i++)
            {
                counts[rest[i - 1] << 8 | rest[i]]++;
                // Of three equal bytes only two become one.
                if (i + 1 < rest.Count && rest[i - 1] == rest[i] && rest[i] == rest[i + 1])
                    i++;
            }
        }
        int most = counts.Max(), pair = Array.IndexOf(counts, most);
        best = ((byte)(pair >> 8), (byte)pair);
        return most > 1;
    }

    private static void Replace(List<byte> bytes, (byte First, byte Second) pair, byte code)
    {
        int kept = 0;
        for (int i = 0; i < bytes.Count; i++)
        {
            bool found = i + 1 < bytes.Count && bytes[i] == pair.First && bytes[i + 1] == pair.Second;
            bytes[kept++] = found ? code : bytes[i];
            if (found)
                i++;
        }
        bytes.RemoveRange(kept, bytes.Count - kept);
    }
}
