using System.Runtime.CompilerServices;
using Sluice.Tests.Platform;

namespace Sluice.Dma;

/// <summary>The hosted twin, for the DMA layer alone: the same copies, which can be left out.</summary>
internal static unsafe class BlockCopy
{
    public static void Copy(byte* destination, byte* source, nuint bytes, [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        if (bytes != 0 && !Mutation.LeavesOut(file, member))
            Sluice.Runtime.BlockCopy.Copy(destination, source, bytes);
    }

    public static void ClearBlocks(byte* destination, nuint bytes, [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        if (!Mutation.LeavesOut(file, member))
            Sluice.Runtime.BlockCopy.ClearBlocks(destination, bytes);
    }

    public static void ClearPage(byte* page, [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        if (!Mutation.LeavesOut(file, member))
            Sluice.Runtime.BlockCopy.ClearPage(page);
    }
}
