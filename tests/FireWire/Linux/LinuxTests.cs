using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>The model judged by software that nobody here wrote: Linux's own driver, and programs on its /dev/fw*.</summary>
public sealed class LinuxTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(4), _longPatience = TimeSpan.FromMinutes(20);

    private static bool IsWhole => Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1";

    [Fact]
    public Task Linux_takes_the_controller_finds_the_node_and_reads_writes_and_locks_its_memory() => Judge("q35", 1, "on", "S400", isUefi: false, 300);

    /// <summary>The same for make test-firewire-model: 100,000 transactions a machine.</summary>
    [Theory]
    [InlineData("q35", 1, "off", "S400", false)]
    [InlineData("q35", 2, "on", "S800", false)]
    [InlineData("pc", 2, "off", "S100", false)]
    [InlineData("pc", 1, "on", "S200", false)]
    [InlineData("q35", 1, "on", "S800", true)]
    [InlineData("q35", 1, "off", "S200", true)]
    [InlineData("q35", 2, "on", "S400", true)]
    [InlineData("pc", 2, "off", "S800", true)]
    public async Task Other_machines_do_too(string machine, int cpus, string msi, string speed, bool isUefi)
    {
        Assert.SkipUnless(IsWhole, "make test-firewire-model and make test-all run this");
        await Judge(machine, cpus, msi, speed, isUefi, 33_400);
    }

    [Fact]
    public async Task Two_machines_on_one_bus_see_each_other_and_the_nodes_between_them()
    {
        Assert.SkipUnless(IsWhole, "make test-firewire-model and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot();
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string one = Path.Combine(folder.FullName, "one"), other = Path.Combine(folder.FullName, "other");
            using var model = new Sluice.FireWire.Tool.Model(Options.Parse(
            [
                "--controller", $"{one},name=one,guid=0x5254000000000001", "--node", "memory,guid=0x5254000000000002",
                "--node", "echo,guid=0x5254000000000003", "--controller", $"{other},name=other,guid=0x5254000000000004",
            ]), _ => { });
            using LinuxGuest first = LinuxGuest.Start(one, ["-machine", "q35,accel=tcg", "-cpu", "max"], "see=4");
            using LinuxGuest second = LinuxGuest.Start(other, ["-machine", "q35,accel=tcg", "-cpu", "max"], "see=4");
            foreach (LinuxGuest guest in (LinuxGuest[])[first, second])
            {
                Assert.True(await guest.SeesAsync("seen", _patience), guest.Said);
                Assert.Equal(Enumerable.Range(1, 4).Select(i => $"device 0x525400000000000{i}"), guest.Results.Where(line => line.StartsWith("device", StringComparison.Ordinal)).Order());
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task Judge(string machine, int cpus, string msi, string speed, bool isUefi, int count)
    {
        string? whyNot = LinuxGuest.WhyNot();
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            Options options = Options.Parse(
            [
                "--controller", $"{socket},name=host,guid=0x5254001122334455,msi={msi},speed=S800",
                "--node", $"memory,name=memory,guid=0x52540066778899aa,speed={speed}", "--node", "echo,name=echo,guid=0x52540066778899bb",
                "--cable", "host-memory", "--cable", "host-echo",
            ]);
            using var model = new Sluice.FireWire.Tool.Model(options, _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, LinuxGuest.Machine(machine, cpus, isUefi), $"count={count} most={Math.Min(Enum.Parse<Speed>(speed).MostAsynchronousBytes, 2048)}");
            TimeSpan patience = count > 1000 ? _longPatience : _patience;
            Assert.True(await guest.SeesAsync("unplug", patience), guest.Said);
            Assert.True(model.Devices[0].Interrupt.UsesMessages == (msi == "on"), $"messages in use: {model.Devices[0].Interrupt.UsesMessages}");
            await CheckRom(model);
            model.Do(() => model.Bus.Disconnect(model.Bus.Phys[1]));
            Assert.True(await guest.SeesAsync("plug", patience), guest.Said);
            model.Do(() => model.Bus.Connect(model.Bus.Phys[0], model.Bus.Phys[1]));
            Assert.True(await guest.SeesAsync("done", patience), guest.Said);

            string[] results = [.. guest.Results];
            foreach (string guid in (string[])["5254001122334455", "52540066778899aa", "52540066778899bb"])
                Assert.Contains($"device 0x{guid}", results);
            foreach (string kind in (string[])[$"ok quadlets {count}", $"ok blocks {count}", $"ok locks {count}", "ok beyond", "ok whole", $"ok echoes {count / 10}:", "ok streams 400", "ok gone", "ok back"])
                Assert.True(results.Any(line => line.StartsWith(kind, StringComparison.Ordinal)), $"'{kind}' is missing:\n{guest.Said}");
            Assert.DoesNotContain(results, line => line.StartsWith("not ok", StringComparison.Ordinal));
            // What the driver says of speeds and of the bus. Whose ROM it has first is fw0: not its own, if a bus reset came while it read that.
            Assert.True(results.Any(line => line.Contains("GUID 5254001122334455, S800", StringComparison.Ordinal)), guest.Said);
            Assert.True(results.Any(line => line.Contains($"GUID 52540066778899aa, {speed}", StringComparison.Ordinal)), guest.Said);
            Assert.DoesNotContain(results, line => line.Contains("error", StringComparison.OrdinalIgnoreCase) || line.Contains("failed", StringComparison.OrdinalIgnoreCase));
            // Its own node can be the root, and is, as it is cycle master.
            Assert.True(model.Bus.Phys[0].IsRoot);
            Assert.Equal(0, model.Devices[0].Memory.Refused);
            var echo = (EchoNode)model.Bus.Phys[2].Link!;
            Assert.Equal((count / 10, 400, 0), (echo.Echoes, echo.StreamEchoes, echo.Failures));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // The ROM that Linux wrote, as a node reads it over the bus: header from registers, the rest from Linux's memory.
    private static async Task CheckRom(Sluice.FireWire.Tool.Model model)
    {
        var rom = new List<uint>();
        for (ulong i = 0; i < 6; i++)
            rom.Add(await ReadQuadlet(model, Csr.Base + Csr.Rom + (i * 4)));
        Assert.Equal([ConfigurationRom.BusName, rom[2], 0x52540011u, 0x22334455u], rom[1..5]);
        Assert.Equal((ushort)rom[0], Crc.Rom([.. rom[1..5]]));
        Assert.Equal((uint)Speed.S800, rom[2] & 7);
        int length = (int)(rom[5] >> 16);
        var directory = new List<uint>();
        for (int i = 0; i < length; i++)
            directory.Add(await ReadQuadlet(model, Csr.Base + Csr.Rom + (ulong)((6 + i) * 4)));
        Assert.Equal((ushort)rom[5], Crc.Rom([.. directory]));
    }

    private static async Task<uint> ReadQuadlet(Sluice.FireWire.Tool.Model model, ulong offset)
    {
        var done = new TaskCompletionSource<uint>(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = (MemoryNode)model.Bus.Phys[1].Link!;
        model.Do(() => Assert.True(node.TryRead((ushort)(0xFFC0 | model.Bus.Phys[0].PhysicalId), offset, 4, (outcome, data) =>
        {
            if (outcome == Outcome.Complete)
                done.SetResult(BinaryPrimitives.ReadUInt32BigEndian(data));
            else
                done.SetException(new InvalidOperationException($"{offset:x}: {outcome}"));
        })));
        return await done.Task.WaitAsync(_patience);
    }
}
