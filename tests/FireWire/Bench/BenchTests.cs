using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.FireWire.Bench;

/// <summary>
/// What `make bench-firewire-model` measures: <c>BENCH firewire-model NAME VALUE</c>, a line each, on the console. Figures in real time
/// depend on what else the machine does, so some are processor time of the model, too.
/// </summary>
public sealed class BenchTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    [Fact(Explicit = true)]
    public void Of_the_bus_in_process()
    {
        foreach ((string name, PacketRates.Rate rate) in new[] { ("quadlet", PacketRates.Quadlets()), ("block", PacketRates.Blocks()), ("stream", PacketRates.Streams()) })
        {
            Say($"{name}-packets", rate.PerSecond);
            Say($"{name}-packet-allocated", rate.Allocated);
        }
    }

    [Fact(Explicit = true)]
    public async Task As_linux_sees_it()
    {
        string? whyNot = LinuxGuest.WhyNot("bench-init");
        Assert.True(whyNot == null, whyNot);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller"), image = Path.Combine(folder.FullName, "image");
            using (FileStream file = File.Create(image))
                file.SetLength(160 << 20);
            using var model = new ModelProcess("--controller", $"{socket},name=host,speed=S800", "--node", "memory,guid=0x52540066778899aa,speed=S800",
                "--node", $"disk,image={image},speed=S800");
            Say("memory-idle", model.Memory);
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", "q35,accel=tcg", "-cpu", "max"], "", "bench-init");
            var figures = new Dictionary<string, double>();
            TimeSpan before = TimeSpan.Zero;
            string part = "";
            // Each part says that it begins; so what the model did in between was for the one before.
            while (await guest.SeesAsync("", _patience) && guest.Results.Last() != "done")
            {
                string[] words = guest.Results.Last().Split(' ');
                if (words[0] == "figure")
                    Better(words[1], double.Parse(words[2], CultureInfo.InvariantCulture));
                Assert.False(words[0] == "not", guest.Said);
                TimeSpan now = model.ProcessorTime;
                if (part != "" && words[0] == "figure")
                    Better($"{part}-processor-seconds", (now - before).TotalSeconds);
                part = words[0] == "at" ? words[1] : "";
                before = now;
            }
            Assert.True(guest.Results.Last() == "done", guest.Said);
            foreach ((string name, double value) in figures)
                Say(name, value);
            Say("memory-afterwards", model.Memory);

            // Rates are the better the higher.
            void Better(string name, double value)
            {
                bool isRate = name.StartsWith("sbp2", StringComparison.Ordinal) || name.StartsWith("quadlet-t", StringComparison.Ordinal);
                figures[name] = !figures.TryGetValue(name, out double other) ? value : isRate ? Math.Max(value, other) : Math.Min(value, other);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Say(string name, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"BENCH firewire-model {name} {value:0.##}"));
}
