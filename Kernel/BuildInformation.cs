using System;

namespace Sluice;

/// <summary>Which kernel this is.</summary>
internal static class BuildInformation
{
    public static ReadOnlySpan<byte> Version => "0.1"u8;
}
