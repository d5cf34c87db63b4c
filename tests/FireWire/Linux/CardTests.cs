using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>
/// Each card with its quirks, judged by the driver that knows them by their PCI ids: it says which ones it works round, and transactions,
/// streams, unplugging and plugging in go as with a card that has none.
/// </summary>
public sealed class CardTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(8);

    // Linux' quirk bits; those of big-endian headers are for computers that are big-endian alone, and over-reading is no flag there.
    private static readonly (OhciQuirks Quirk, int Bit)[] _bits =
        [(OhciQuirks.CycleTimer, 1), (OhciQuirks.ResetPacket, 2), (OhciQuirks.No1394a, 8), (OhciQuirks.NoMessages, 16), (OhciQuirks.MissingSelfId, 32), (OhciQuirks.ReceiveWake, 64)];

    public static TheoryData<string> Cards => [.. OhciCard.All.Where(card => (card.Quirks & OhciQuirks.BigEndianHeaders) == 0).Select(card => card.Name)];

    [Theory]
    [MemberData(nameof(Cards))]
    public async Task Linux_works_round_what_is_odd_about_a_card(string name)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        const int count = 334;
        string? whyNot = LinuxGuest.WhyNot();
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        OhciCard card = OhciCard.Find(name);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            using var model = new Sluice.FireWire.Tool.Model(Options.Parse(
            [
                "--controller", $"{socket},name=host,guid=0x5254001122334455,card={name}", "--node", "memory,name=memory,guid=0x52540066778899aa",
                "--node", "echo,name=echo,guid=0x52540066778899bb", "--cable", "host-memory", "--cable", "host-echo",
            ]), _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", "q35,accel=tcg", "-cpu", "max"], $"count={count} most=512");
            Assert.True(await guest.SeesAsync("unplug", _patience), guest.Said);
            Assert.Equal((card.Quirks & OhciQuirks.NoMessages) == 0, model.Devices[0].Interrupt.UsesMessages);
            model.Do(() => model.Bus.Disconnect(model.Bus.Phys[1]));
            Assert.True(await guest.SeesAsync("plug", _patience), guest.Said);
            model.Do(() => model.Bus.Connect(model.Bus.Phys[0], model.Bus.Phys[1]));
            Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
            string[] results = [.. guest.Results];
            foreach (string kind in (string[])[$"ok quadlets {count}", $"ok blocks {count}", $"ok locks {count}", "ok beyond", "ok whole", $"ok echoes {count / 10}:", "ok streams 400", "ok gone", "ok back"])
                Assert.True(results.Any(line => line.StartsWith(kind, StringComparison.Ordinal)), $"'{kind}' is missing:\n{guest.Said}");
            Assert.DoesNotContain(results, line => line.StartsWith("not ok", StringComparison.Ordinal));
            int quirks = _bits.Sum(one => (card.Quirks & one.Quirk) != 0 ? one.Bit : 0);
            Assert.Contains(results, line => line.Contains($"contexts, quirks 0x{quirks:x}", StringComparison.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
