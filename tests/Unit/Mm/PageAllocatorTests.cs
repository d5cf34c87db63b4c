using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>Random work on machines of all kinds, step by step beside a plain model.</summary>
public sealed class PageAllocatorTests
{
    private static readonly OwnerTag[] _owners = [OwnerTag.None, OwnerTag.Register("red"u8), OwnerTag.Register("blue"u8)];

    public enum Verb
    {
        Take,
        TakeMany,
        Exhaust,
        Give,
        GiveMany,
        Drain,
        Look,
    }

    public readonly record struct Step(Verb Verb, int Order, Zone Zone, int Number);

    public sealed record Scenario(MachineMap Map, Step[] Steps, bool Poison)
    {
        public override string ToString() => $"{Map}{(Poison ? " with poison" : "")}: {string.Join("; ", Steps)}";
    }

    private static readonly Gen<Step> _steps =
        from verb in Gen.Frequency(
            (8, Gen.Constant(Verb.Take)), (3, Gen.Constant(Verb.TakeMany)), (1, Gen.Constant(Verb.Exhaust)),
            (8, Gen.Constant(Verb.Give)), (2, Gen.Constant(Verb.GiveMany)), (1, Gen.Constant(Verb.Drain)), (1, Gen.Constant(Verb.Look)))
        from order in Gen.Frequency(
            (5, Gen.Constant(0)), (6, Gen.Choose(0, 5)), (4, Gen.Choose(6, PageAllocator.MaxOrder)), (1, Gen.Choose(13, 40)))
        from zone in Gen.Elements(Zone.Dma, Zone.Dma32, Zone.Normal, Zone.Any)
        from number in Gen.Choose(0, 1000)
        select new Step(verb, order, zone, number);

    private static Arbitrary<Scenario> Scenarios(Gen<bool> poison) => Arb.From(
        from map in MachineMaps.Any
        from steps in _steps.ArrayOf(60)
        from poisoned in poison
        select new Scenario(map, steps, poisoned),
        Smaller);

    [Fact]
    public void Does_what_a_list_of_runs_in_use_does() => Properties.ForAll(Scenarios(Gen.Constant(false)), Run, times: 150);

    [Fact]
    public void Does_the_same_with_poison_and_without_a_false_alarm() =>
        Properties.ForAll(Scenarios(Gen.Constant(true)), Run, times: 60);

    [Fact]
    public void Known_machines_serve_all_their_memory_and_get_it_back()
    {
        // Those that are small enough to write to all of it.
        foreach ((string name, MachineMap map) in MachineMaps.Known.Where(known => known.Map.UsableBytes <= Machine.GiB))
        {
            using var machine = new Machine(map, garbage: 0xFF);
            if (!machine.Started)
            {
                Assert.True(machine.Map.Usable.Frames < 8, name);
                continue;
            }
            var model = new PageModel(machine);
            for (int order = PageAllocator.MaxOrder; order >= 0; order--)
            {
                while (model.Take(order, order % 2 == 0 ? Zone.Any : Zone.Dma32, OwnerTag.None))
                {
                }
            }
            while (model.Take(0, Zone.Dma, OwnerTag.None))
            {
            }
            model.AssertCounts();
            model.AssertWalk();
            ulong left = Enumerable.Range(0, 3).Aggregate(0ul, (sum, zone) => sum + machine.Pages.Report((Zone)zone).Free);
            Assert.True(left <= machine.Pages.Report(Zone.Dma32).Reserve, $"{name}: {left} pages could not be had");
            model.GiveAll();
            model.AssertCounts();
            model.AssertMerged();
        }
    }

    [Fact]
    public void Requests_for_any_memory_leave_some_of_the_lower_zones_to_those_who_need_it()
    {
        using var machine = new Machine(MachineMap.Of((0, 128 * Machine.MiB), (4 * Machine.GiB, 64 * Machine.MiB)));
        for (int order = PageAllocator.MaxOrder; order >= 0; order--)
        {
            while (machine.Pages.TryTake(order, Zone.Any, OwnerTag.None, out _))
            {
            }
        }
        Assert.Equal(0u, machine.Pages.Report(Zone.Normal).Free);
        foreach (Zone zone in new[] { Zone.Dma32, Zone.Dma })
        {
            ZoneReport report = machine.Pages.Report(zone);
            Assert.InRange(report.Reserve, report.Managed / 32, report.Managed / 8);
            Assert.Equal(report.Reserve, report.Free);
            Assert.True(machine.Pages.TryTake(0, zone, OwnerTag.None, out PageRun run));
            Assert.Equal(zone, run.Zone);
        }
    }

    private static void Run(Scenario scenario)
    {
        using var machine = new Machine(scenario.Map, scenario.Poison);
        if (!machine.Started)
            return;
        var model = new PageModel(machine);
        foreach (Step step in scenario.Steps)
            Do(machine, model, step, scenario.Poison);
        model.AssertWalk();
        model.GiveAll();
        model.AssertCounts();
        model.AssertMerged();
    }

    private static void Do(Machine machine, PageModel model, Step step, bool poison)
    {
        OwnerTag owner = _owners[step.Number % _owners.Length];
        int many = Math.Max(1, step.Number >> Math.Min(step.Order, 10));
        switch (step.Verb)
        {
            case Verb.Take:
                model.Take(step.Order, step.Zone, owner);
                break;
            case Verb.TakeMany:
                for (int i = 0; i < many && model.Take(step.Order, step.Zone, owner); i++)
                {
                }
                break;
            case Verb.Exhaust:
                // Real memory is written for what is taken: so only as far as that stays cheap.
                int order = Math.Clamp(step.Order, 7, PageAllocator.MaxOrder);
                for (int i = 0; i < (poison ? 20 : 300) && model.Take(order, step.Zone, owner); i++)
                {
                }
                break;
            case Verb.Give when model.Count != 0:
                model.Give(step.Number % model.Count);
                break;
            case Verb.GiveMany:
                for (int i = 0; i < step.Number && model.Count != 0; i++)
                    model.Give((step.Number + i * 7) % model.Count);
                break;
            case Verb.Drain:
                machine.Pages.Drain();
                break;
            case Verb.Look:
                model.AssertCounts();
                break;
        }
    }

    private static IEnumerable<Scenario> Smaller(Scenario scenario)
    {
        for (int size = scenario.Steps.Length / 2; size > 0; size /= 2)
        {
            for (int at = 0; at + size <= scenario.Steps.Length; at += size)
                yield return scenario with { Steps = [.. scenario.Steps[..at], .. scenario.Steps[(at + size)..]] };
        }
        for (int i = 0; i < scenario.Map.Reserved.Count; i++)
            yield return scenario with { Map = scenario.Map with { Reserved = [.. scenario.Map.Reserved.Where((_, at) => at != i)] } };
        for (int i = 0; i < scenario.Map.Firmware.Count; i++)
            yield return scenario with { Map = scenario.Map with { Firmware = [.. scenario.Map.Firmware.Where((_, at) => at != i)] } };
    }
}
