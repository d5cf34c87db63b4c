using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;

namespace Sluice.Tests.Mutations;

/// <summary>
/// Each hand-over of each driver is left out in turn; the driver's tests must notice. A driver is its folder in Drivers, its tests are the
/// classes in tests/Unit/Drivers, or in tests/Unit/FireWire, that use its namespace; their theories get the machine's name as an argument.
/// </summary>
public sealed class DriverMutationTests : IDisposable
{
    private const string ToyDriver = """
        using Sluice;
        using Sluice.Dma;

        namespace Sluice.Drivers.Toy;

        public static class Toy
        {
            public struct Descriptor { public Shared<uint> Length, Owner; }

            public static DmaAddr Send(ref CpuBuffer<ToDevice> buffer)
            {
                DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
                DmaAddr address = given.Address;
                buffer = given.TakeBack();
                return address;
            }

            public static void Ring(ref Coherent<Descriptor> ring)
            {
                ring[0].Length.Write(5);
                ring.Publish(ref ring[0].Owner, 1u);
            }

            public static void Forgotten(ref DeviceBuffer<FromDevice> given, out CpuBuffer<FromDevice> buffer)
            {
                buffer = given.TakeBack(4);
            }
        }
        """;

    private const string ToyTests = """
        using System.Linq;
        using Sluice.Dma;
        using Sluice.Drivers.Toy;
        using Sluice.Tests.Dma;
        using Xunit;

        namespace Sluice.Tests.Drivers;

        public sealed class ToyTests
        {
            public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

            [Theory, MemberData(nameof(Kinds))]
            public void Sends(string kind)
            {
                using var machine = new DmaMachine(Sluice.Tests.Mm.MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.Single(k => k.ToString() == kind));
                DmaDevice device = machine.Device();
                Assert.Equal(Error.None, device.TryAllocatePages(64, out CpuBuffer<ToDevice> buffer));
                buffer.Bytes.Fill(9);
                Assert.All(machine.DeviceReads(Toy.Send(ref buffer), 64), b => Assert.Equal(9, b));
                buffer.Free();
            }

            [Theory, MemberData(nameof(Kinds))]
            public void Rings(string kind)
            {
                using var machine = new DmaMachine(Sluice.Tests.Mm.MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.Single(k => k.ToString() == kind));
                Assert.Equal(Error.None, machine.Device().TryAllocateCoherent(1, out Coherent<Toy.Descriptor> ring));
                Toy.Ring(ref ring);
                Assert.Equal(new byte[] { 5, 0, 0, 0, 1, 0, 0, 0 }, machine.DeviceReads(ring.Address, 8));
                DmaDevice.Free(ref ring);
            }
        }
        """;

    private static readonly string _root = FindRoot();

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_hand_over_left_out_of_a_driver_is_noticed()
    {
        var sites = new HandOverSites();
        // Of FireWire's, those that drive memory, the nodes that stand for a controller or talk, and what is offered.
        string firewire = Path.Combine(_root, "tests/Unit/FireWire");
        string[] tests = [.. Directory.GetFiles(Path.Combine(_root, "tests/Unit/Drivers"), "*.cs"), Path.Combine(firewire, "CoreNode.cs"), Path.Combine(firewire, "Offer.cs"),
            .. Directory.GetFiles(firewire, "Sbp2*.cs"), .. Directory.GetFiles(firewire, "Ohci*.cs"), .. Directory.GetFiles(firewire, "IsoReceive*.cs"),
            .. Directory.GetFiles(firewire, "IsoTransmit*.cs"), .. Directory.GetFiles(firewire, "Talk*.cs"), Path.Combine(firewire, "LateWakeTests.cs")];
        DriverTests run = DriverTests.Compile(_folder, [.. sites.RewriteAll(Path.Combine(_root, "Drivers"), _folder), .. tests]);
        Assert.NotEmpty(sites.Found);
        Score score = new(run, sites.Found, [.. tests.Select(File.ReadAllText)]);
        TestContext.Current.TestOutputHelper!.WriteLine(score.ToString());
        Assert.True(score.Unnoticed.Count == 0, score.ToString());
    }

    [Fact]
    public void A_hand_over_that_no_test_covers_is_listed_by_file_and_line()
    {
        var sites = new HandOverSites();
        string driver = Path.Combine(_folder, "Toy.cs"), tests = Path.Combine(_folder, "ToyTests.cs");
        File.WriteAllText(driver, sites.Rewrite("Toy", "Toy.cs", ToyDriver));
        File.WriteAllText(tests, ToyTests);
        Assert.Equal(["Toy/Toy.cs:12 GiveToDevice", "Toy/Toy.cs:14 TakeBack", "Toy/Toy.cs:21 Publish", "Toy/Toy.cs:26 TakeBack"], sites.Found.Select(site => site.ToString()));
        DriverTests run = DriverTests.Compile(_folder, [driver, tests]);
        Score score = new(run, sites.Found, [ToyTests]);
        Assert.Equal(["Toy/Toy.cs:26 TakeBack"], score.Unnoticed);
        Assert.StartsWith("mutations: 2 of 3 noticed; without effect: Toy/Toy.cs:14 TakeBack;", score.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_driver_without_tests_has_all_its_hand_overs_listed()
    {
        var sites = new HandOverSites();
        string driver = Path.Combine(_folder, "Toy.cs");
        File.WriteAllText(driver, sites.Rewrite("Toy", "Toy.cs", ToyDriver));
        Score score = new(DriverTests.Compile(_folder, [driver]), sites.Found, []);
        Assert.Equal(4, score.Unnoticed.Count);
    }

    internal static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Kernel.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("Kernel.sln is in no folder above the tests");
        return folder;
    }

    // What became of each hand-over. The tests must pass with nothing left out.
    private sealed class Score
    {
        private readonly int _tried;

        public Score(DriverTests run, IReadOnlyList<HandOverSite> sites, IReadOnlyList<string> sources)
        {
            foreach (IGrouping<string, int> driver in Enumerable.Range(0, sites.Count).GroupBy(number => sites[number].Driver))
            {
                HashSet<string> classes = [.. sources.SelectMany(source => DriverTests.ClassesFor(driver.Key, source))];
                IReadOnlyList<DriverTestRow> rows = run.RunAll(classes);
                foreach (int number in driver)
                {
                    DriverTestRow[] moving = [.. rows.Where(row => row.Moving.Contains(number))];
                    bool hasEffect = moving.Length != 0 || !rows.Any(row => row.CameTo.Contains(number));
                    _tried += hasEffect ? 1 : 0;
                    if (!hasEffect)
                        Effectless.Add(sites[number].ToString());
                    else if (DriverTests.Run(moving, number) == null)
                        Unnoticed.Add(sites[number].ToString());
                }
            }
        }

        /// <summary>Left out, and every test passed; or never come to.</summary>
        public List<string> Unnoticed { get; } = [];

        /// <summary>Nothing moves there: the device only read.</summary>
        public List<string> Effectless { get; } = [];

        public override string ToString() =>
            $"mutations: {_tried - Unnoticed.Count} of {_tried} noticed"
            + (Effectless.Count == 0 ? "" : $"; without effect: {string.Join(", ", Effectless)}")
            + (Unnoticed.Count == 0 ? "" : $"; not noticed: {string.Join(", ", Unnoticed)}");
    }
}
