using System;
using System.Buffers.Binary;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Sbp2;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>A node with two disks of 3 TiB on the controller's model, as somebody sees them who types at the shell.</summary>
public sealed class FireWireDiskTests
{
    private const ulong Guid = 0x5254_0066_7788_99AA, Bytes = 3UL << 40, MiB = 1 << 20;

    [Theory]
    [InlineData(512, "")]
    [InlineData(6144, "dma=bounce")]
    [InlineData(512, "dma=check")]
    public async Task Both_units_of_a_node_are_read_also_beyond_2_TiB(int mebibytes, string arguments)
    {
        using var bus = new FireWireModelBus(["host"], "--node", "memory,name=memory", "--node", $"disk,name=disk,guid=0x{Guid:x},luns=2,size={Bytes},numbered=on");
        await using Machine machine = await Machine.Start($"firewire-units-{mebibytes}{arguments.Replace("=", "-")}", new MachineSetup
        {
            MemoryMiB = mebibytes,
            Arguments = arguments,
            SharesMemory = true,
            More = bus.Device("host"),
        });
        await machine.WaitForPrompt();
        string ready = $"ready, {Bytes / 512} blocks of 512 bytes";
        string disks;
        do disks = await machine.Shell("fw disk");
        while (Regex.Count(disks, ready) != 2);
        Assert.Contains($"disk 0 {Guid:x16} unit 0: {ready}", disks);
        Assert.Contains($"disk 1 {Guid:x16} unit 1: {ready}", disks);
        // The beginning, across 2 TiB, behind it, and the end.
        foreach (ulong from in (ulong[])[0, (2UL << 40) - MiB, 5UL << 39, Bytes - MiB])
        {
            foreach (int unit in (int[])[0, 1])
            {
                string said = await machine.Shell($"fw disk read {unit} 2 {from / MiB}");
                ulong bytes = Math.Min(2 * MiB, Bytes - from);
                Assert.Contains($"{bytes} bytes in ", said);
                Assert.Contains($"SHA-256 {Hash(unit, from, bytes)}", said);
            }
        }
        Assert.Contains("disk 1 ends before", await machine.Shell($"fw disk read 1 1 {Bytes / MiB}"));
        Assert.Contains("1 passed", await machine.Shell("test firewire/disks*"));
        Assert.Equal(2, ((Sbp2Disk)bus.Model.Bus.Phys.Single(phy => phy.Name == "disk").Link!).LoginCount);
        if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
    }

    private static string Hash(int unit, ulong from, ulong bytes)
    {
        byte[] content = new byte[bytes];
        for (int at = 0; at < content.Length; at += 8)
            BinaryPrimitives.WriteUInt64BigEndian(content.AsSpan(at), ((ulong)unit << Sbp2Disk.UnitShift) + ((from + (ulong)at) / 512));
        return Convert.ToHexStringLower(SHA256.HashData(content));
    }
}
