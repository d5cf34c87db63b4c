using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Tests that choose their machines themselves, or have none: they run once.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class RunsOnceAttribute : Attribute;

/// <summary>
/// Every test of the layer, on every kind of machine: each fact and theory of this namespace is run again on machines whose devices
/// bounce, and on those whose devices do not see the CPU's caches. So a test says what holds, not where.
/// </summary>
[RunsOnce]
public sealed class EveryMachineTests
{
    public static TheoryData<string, string> Rows
    {
        get
        {
            var rows = new TheoryData<string, string>();
            // On coherent ones they run by themselves.
            foreach (MachineKind kind in MachineKind.All.Where(kind => kind != default))
            {
                foreach (LayerTest test in LayerTest.All)
                    rows.Add(kind.ToString(), test.ToString());
            }
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public void On(string kind, string test) =>
        LayerTest.All.Single(known => known.ToString() == test).Run(MachineKind.All.Single(known => known.ToString() == kind));

    [Fact]
    public void There_are_tests_and_machines_of_each_sort()
    {
        Assert.True(LayerTest.All.Count >= 15, $"{LayerTest.All.Count} tests found");
        Assert.Equal(MachineKind.All.Length, MachineKind.All.Select(kind => kind.ToString()).Distinct().Count());
        Assert.Equal([0, 32, 64, 128], MachineKind.All.Select(kind => (int)kind.LineBytes).Distinct().Order());
    }
}

/// <summary>A test method of the layer with all its rows, to be run on a machine of choice.</summary>
public sealed class LayerTest
{
    private readonly MethodInfo _method;

    private LayerTest(MethodInfo method) => _method = method;

    /// <summary>All of this namespace that have no machines of their own.</summary>
    public static IReadOnlyList<LayerTest> All { get; } = Find();

    public override string ToString() => $"{_method.DeclaringType!.Name}.{_method.Name}";

    /// <summary>Runs it with each of its rows; throws what it throws.</summary>
    public void Run(MachineKind kind)
    {
        InlineDataAttribute[] rows = [.. _method.GetCustomAttributes<InlineDataAttribute>()];
        MachineKind before = MachineKind.Current;
        MachineKind.Current = kind;
        try
        {
            if (rows.Length == 0)
                RunRow(null);
            foreach (InlineDataAttribute row in rows)
                RunRow(row.Data);
        }
        finally
        {
            MachineKind.Current = before;
        }
    }

    private void RunRow(object?[]? row)
    {
        object? instance = _method.IsStatic ? null : Activator.CreateInstance(_method.DeclaringType!);
        try
        {
            _method.Invoke(instance, BindingFlags.DoNotWrapExceptions, null, row, null);
        }
        finally
        {
            (instance as IDisposable)?.Dispose();
        }
    }

    private static LayerTest[] Find() =>
    [
        .. from type in typeof(LayerTest).Assembly.GetTypes()
           where type.Namespace == typeof(LayerTest).Namespace && !type.IsAbstract && type.GetCustomAttribute<RunsOnceAttribute>() == null
           from method in type.GetMethods()
           where method.GetCustomAttribute<FactAttribute>() != null && method.GetCustomAttribute<RunsOnceAttribute>() == null
           orderby type.Name, method.Name
           select new LayerTest(method),
    ];
}
