using System;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;
using static Sluice.Tests.Boot.FireWireLinuxBus;
using static Sluice.Tests.Boot.FireWireModelBus;

namespace Sluice.Tests.Boot;

/// <summary>Sluice and Linux use one SBP-2 disk, one after the other.</summary>
public sealed class FireWireLinuxDiskTests
{
    private const int MiB = 24;

    [Fact]
    public async Task Both_read_the_same_from_a_disk_before_and_after_Linux_has_written_to_it()
    {
        SkipUnlessPossible("shell-init");
        byte[] bytes = new byte[MiB << 20];
        new Random(5).NextBytes(bytes);
        using var image = new TemporaryFile(bytes);
        using var bus = new FireWireLinuxBus(more: ["--node", $"disk,name=disk,image={image.Path}", "--cable", "ours-disk", "--cable", "disk-linux"]);
        await ReadOurs(bus, "firewire-linux-disk-before", Hash(bytes));
        // Sluice has gone: the login is free once the target has waited for a reconnect.
        using (LinuxGuest guest = await bus.StartLinux())
        {
            Assert.Equal([Hash(bytes)], await guest.RunAsync("$B sha256sum $(disk) | $B cut -d' ' -f1", Patience));
            string[] written = await guest.RunAsync(
                $"d=$(disk); $B dd if=/dev/urandom of=$d bs=1M count={MiB} 2>/dev/null; $B sync; echo 3 > /proc/sys/vm/drop_caches; $B sha256sum $d | $B cut -d' ' -f1", Patience);
            bytes = image.Read();
            Assert.Equal([Hash(bytes)], written);
        }
        await ReadOurs(bus, "firewire-linux-disk-after", Hash(bytes));
    }

    // While Linux is not there.
    private static async Task ReadOurs(FireWireLinuxBus bus, string name, string hash)
    {
        await using Machine machine = await bus.StartOurs(name);
        while (!(await machine.Shell("fw disk")).Contains(": ready")) await machine.Pause(TimeSpan.FromMilliseconds(200));
        string read = await machine.Shell($"fw disk read 0 {MiB}");
        Assert.Contains($"SHA-256 {hash}", read);
        Assert.Contains($"{MiB << 20} bytes in", read);
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
