using System;

namespace Sluice.Runtime;

/// <summary>Names matched by patterns. Pure: hosted tests compile this file, too.</summary>
public static class Glob
{
    /// <summary>
    /// Whether all of <paramref name="name"/> fits <paramref name="pattern"/>: <c>*</c> stands for any bytes or none, <c>?</c> for
    /// one, anything else for itself. Takes at most name times pattern steps.
    /// </summary>
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> name)
    {
        int p = 0, n = 0, star = -1, retry = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                retry = n;
            }
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == name[n]))
            {
                p++;
                n++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                n = ++retry;
            }
            else
            {
                return false;
            }
        }
        while (p < pattern.Length && pattern[p] == '*')
            p++;
        return p == pattern.Length;
    }
}
