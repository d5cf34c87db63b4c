using System;
using System.Buffers.Binary;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>Two Linux guests on one bus: isochronous packets from one to the other, and IP.</summary>
public sealed class PairTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(15);

    [Fact]
    public async Task What_sendiso_sends_dumpiso_gets()
    {
        byte[] stream = MakeStream(3000);
        int least = MakeStream(1000).Length;
        await OnOneBus("iso-init", "0.2", async (model, start) =>
        {
            using LinuxGuest receiver = start(0, $"side=receive bytes={least}", null);
            Assert.True(await receiver.SeesAsync("ready", _patience), receiver.Said);
            using LinuxGuest sender = start(1, "side=send", stream);
            Assert.True(await sender.SeesAsync("done", _patience), sender.Said);
            Assert.True(await receiver.SeesAsync("done", _patience), receiver.Said);
            // sendiso ends before the last packets are out. What comes before those comes whole and in order.
            string came = receiver.Results.Single(line => line.StartsWith("bytes ", StringComparison.Ordinal));
            int bytes = int.Parse(came[6..], CultureInfo.InvariantCulture);
            Assert.InRange(bytes, least, stream.Length);
            Assert.True(receiver.Results.Contains($"hash {Convert.ToHexStringLower(SHA256.HashData(stream.AsSpan(32, bytes - 32)))}  -"), receiver.Said);
        });
    }

    [Fact]
    public async Task Pings_of_all_sizes_and_64_MiB_go_over_firewire_net()
    {
        const int most = 4000, size = 64;
        await OnOneBus("net-init", "1", async (model, start) =>
        {
            using LinuxGuest one = start(0, "side=1", null), two = start(1, $"side=2 most={most} size={size}", null);
            Assert.True(await two.SeesAsync("done", _patience), two.Said);
            Assert.True(await one.SeesAsync("done", _patience), one.Said);
            Assert.Contains("ok reached", two.Results);
            Assert.True(two.Results.Contains($"pings {most + 1} lost 0"), two.Said);
            string hash = two.Results.Single(line => line.StartsWith("hash", StringComparison.Ordinal));
            Assert.Contains(hash, one.Results);
            foreach (var device in model.Devices)
                Assert.Equal(0, device.Memory.Refused);
        });
    }

    private static async Task OnOneBus(string init, string busSpeed, Func<Sluice.FireWire.Tool.Model, Func<int, string, byte[]?, LinuxGuest>, Task> judge)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot(init);
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string[] sockets = [Path.Combine(folder.FullName, "one"), Path.Combine(folder.FullName, "two")];
            using var model = new Sluice.FireWire.Tool.Model(
                Options.Parse(["--controller", $"{sockets[0]},name=one", "--controller", $"{sockets[1]},name=two", "--bus-speed", busSpeed]), _ => { });
            await judge(model, (i, arguments, file) => LinuxGuest.Start(sockets[i], ["-machine", "q35,accel=tcg", "-cpu", "max"], arguments, init, file));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // In the format of these programs, version 2: a header, then packets on channel 5, of all lengths that S400 has, each with its length
    // (little-endian), channel, tag and sync in front.
    private static byte[] MakeStream(int packets)
    {
        var random = new SeededRandom(3);
        using var stream = new MemoryStream();
        stream.Write("1394 isodump v2\0"u8);
        stream.Write([0, 0, 0, 0, 0, 0, 0, 1 << 5, 0, 0, 0, 0, 0, 0, 0, 0]);
        var packet = new byte[8 + Speed.S400.MostIsochronousBytes];
        for (int i = 0; i < packets; i++)
        {
            int bytes = random.Below(Speed.S400.MostIsochronousBytes + 1);
            BinaryPrimitives.WriteInt32LittleEndian(packet, bytes);
            packet[4] = 5;
            packet[5] = (byte)random.Below(4);
            packet[6] = (byte)random.Below(16);
            for (int j = 0; j < bytes; j++)
                packet[8 + j] = (byte)random.Next();
            stream.Write(packet, 0, 8 + bytes);
        }
        return stream.ToArray();
    }
}
