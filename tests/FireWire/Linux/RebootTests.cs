using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Sbp2;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>Guests that come, go and come again: the bus is there for each as for the first.</summary>
public sealed class RebootTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData("q35", 1, "on", false)]
    [InlineData("pc", 2, "off", false)]
    [InlineData("q35", 2, "on", true)]
    public async Task Linux_reboots_and_finds_disk_and_memory_again(string machine, int cpus, string msi, bool isUefi)
    {
        using var bus = new Fixture(msi);
        using LinuxGuest guest = LinuxGuest.Start(bus.Socket, LinuxGuest.Machine(machine, cpus, isUefi), "boots=3", "reboot-init", reboots: true);
        for (int boot = 1; boot <= 3; boot++)
            await Check(guest, boot);
        Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
        await guest.EndsAsync(_patience);
        Assert.Equal(0, bus.Model.Devices[0].Memory.Refused);
    }

    [Fact]
    public async Task Qemu_leaves_is_killed_while_it_writes_and_comes_back_to_the_same_model()
    {
        using var bus = new Fixture("on");
        using (LinuxGuest first = LinuxGuest.Start(bus.Socket, LinuxGuest.Machine("q35", 1, isUefi: false), "boots=1", "reboot-init"))
        {
            await Check(first, 1);
            await first.EndsAsync(_patience);
        }
        var disk = (Sbp2Disk)bus.Model.Bus.Phys[3].Link!;
        using (LinuxGuest second = LinuxGuest.Start(bus.Socket, LinuxGuest.Machine("pc", 2, isUefi: false), "hang=1", "reboot-init"))
        {
            await Check(second, 2);
            Assert.True(await second.SeesAsync("hangs", _patience), second.Said);
            long start = disk.Unit.BlocksWritten;
            DateTime end = DateTime.UtcNow + _patience;
            while (disk.Unit.BlocksWritten - start < 2000)
            {
                Assert.True(DateTime.UtcNow < end, second.Said);
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }
        using LinuxGuest third = LinuxGuest.Start(bus.Socket, LinuxGuest.Machine("q35", 2, isUefi: true), "boots=3", "reboot-init");
        await Check(third, 3);
        Assert.True(await third.SeesAsync("done", _patience), third.Said);
    }

    [Fact]
    public async Task Of_two_clients_one_dies_and_the_other_goes_on_and_sees_it_come_back()
    {
        SkipUnlessWhole();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string one = Path.Combine(folder.FullName, "one"), other = Path.Combine(folder.FullName, "other");
            using var model = new Sluice.FireWire.Tool.Model(Options.Parse(
                ["--controller", $"{one},name=one", "--node", "memory,name=memory", "--controller", $"{other},name=other"]), _ => { });
            using LinuxGuest stays = LinuxGuest.Start(one, LinuxGuest.Machine("q35", 1, isUefi: false), "counts=3,2,3", "shape-init");
            using (LinuxGuest dies = LinuxGuest.Start(other, LinuxGuest.Machine("pc", 1, isUefi: false), "counts=3,99", "shape-init"))
            {
                Assert.True(await dies.SeesAsync("shape 3", _patience), dies.Said);
                Assert.True(await stays.SeesAsync("shape 3", _patience), stays.Said);
            }
            Assert.True(await stays.SeesAsync("shape 2", _patience), stays.Said);
            bool isActive = true;
            model.Do(() => isActive = model.Bus.Phys[2].IsLinkActive);
            Assert.False(isActive);
            using LinuxGuest comes = LinuxGuest.Start(other, LinuxGuest.Machine("q35", 2, isUefi: false), "counts=3", "shape-init");
            Assert.True(await comes.SeesAsync("shape 3", _patience), comes.Said);
            Assert.True(await stays.SeesAsync("shape 3", _patience), stays.Said);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task Check(LinuxGuest guest, int boot)
    {
        int seen = guest.Results.Count();
        Assert.True(await guest.SeesAsync($"boot {boot}", _patience), guest.Said);
        string[] results = [.. guest.Results.Skip(seen)];
        foreach (string kind in (string[])["ok found", "ok quadlets 100", "ok blocks 100", "ok locks 100", "ok echoes 10"])
            Assert.True(results.Any(line => line.StartsWith(kind, StringComparison.Ordinal)), $"'{kind}' is missing:\n{guest.Said}");
        Assert.DoesNotContain(results, line => line.StartsWith("not ok", StringComparison.Ordinal));
    }

    private static void SkipUnlessWhole()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot("reboot-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
    }

    // A controller, a memory node, an echo node and a disk of 256 MiB.
    private sealed class Fixture : IDisposable
    {
        private readonly DirectoryInfo _folder;

        public Fixture(string msi)
        {
            SkipUnlessWhole();
            _folder = Directory.CreateTempSubdirectory("firewire-model");
            Socket = Path.Combine(_folder.FullName, "controller");
            string image = Path.Combine(_folder.FullName, "image");
            using (FileStream file = File.Create(image))
                file.SetLength(256 << 20);
            Model = new Sluice.FireWire.Tool.Model(Options.Parse(["--controller", $"{Socket},name=host,msi={msi}", "--node", "memory,guid=0x52540066778899aa",
                "--node", "echo,guid=0x52540066778899bb", "--node", $"disk,image={image}"]), _ => { });
        }

        public string Socket { get; }

        public Sluice.FireWire.Tool.Model Model { get; }

        public void Dispose()
        {
            Model.Dispose();
            _folder.Delete(recursive: true);
        }
    }
}
