using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Sluice.Drivers;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>The kernel checks the size of a device's registers when they are mapped, and no more: so each one must be within.</summary>
public sealed class RegisterBlockTests
{
    // Of registers that are counted: contexts of a FireWire controller, hashes of a network card.
    private const int LastContext = 31;
    private const uint LastHash = 127;

    private static readonly Type[] _blocks =
        [.. typeof(Driver).Assembly.GetTypes().Where(type => type.IsValueType && type.GetConstructor([typeof(RegisterBlock)]) != null)];

    public static TheoryData<string> Drivers => [.. _blocks.Where(type => SizeOf(type) != null).Select(type => type.FullName!)];

    [Theory]
    [MemberData(nameof(Drivers))]
    public void Each_register_of_a_driver_is_within_the_size_that_is_mapped(string name)
    {
        Type type = _blocks.Single(each => each.FullName == name);
        uint bytes = SizeOf(type)!.Value;
        var device = new Recorder();
        Touch(Activator.CreateInstance(type, new RegisterBlock(new Mmio(device, bytes), bytes))!);
        Assert.NotEmpty(device.Offsets);
    }

    [Fact]
    public void All_drivers_are_among_them() => Assert.True(Drivers.Count >= 4, $"{Drivers.Count} blocks of registers");

    [Fact]
    public void A_register_past_the_size_is_seen()
    {
        var block = new RegisterBlock(new Mmio(new Recorder(), 0x100), 0x80);
        Assert.ThrowsAny<Exception>(() => Touch(new Register<uint>(block, 0x7D)));
        Assert.ThrowsAny<Exception>(() => Touch(new Register<uint>(block.From(0x40), 0x40)));
        Assert.ThrowsAny<Exception>(() => new RegisterBlock(new Mmio(new Recorder(), 0x100), 0x101));
        Touch(new Register<uint>(block.From(0x40), 0x3C));
    }

    private static uint? SizeOf(Type type) => (uint?)type.GetField("Bytes", BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue();

    // Reads and writes a register, or all registers of a block.
    private static void Touch(object it)
    {
        Type type = it.GetType();
        if (type.Namespace == typeof(Register<>).Namespace)
        {
            type.GetMethod("Read")?.Invoke(it, null);
            if (type.GetMethod("Write") is { } write)
                write.Invoke(it, [Activator.CreateInstance(write.GetParameters()[0].ParameterType)]);
            return;
        }
        foreach (PropertyInfo property in type.GetProperties())
        {
            if (property.CanWrite)
                property.SetValue(it, Activator.CreateInstance(property.PropertyType));
            if (!property.CanRead)
                continue;
            TouchIfRegister(property.GetValue(it)!);
        }
        foreach (MethodInfo method in type.GetMethods().Where(method => !method.IsSpecialName && method.GetParameters().Length == 1))
        {
            object[] numbers = method.GetParameters()[0].ParameterType switch
            {
                Type number when number == typeof(bool) => [false, true],
                Type number when number == typeof(int) => [0, LastContext],
                Type number when number == typeof(uint) => [0u, LastHash],
                _ => [],
            };
            foreach (object number in numbers)
                TouchIfRegister(method.Invoke(it, [number])!);
        }
    }

    private static void TouchIfRegister(object it)
    {
        if (it.GetType().Namespace == typeof(Register<>).Namespace || _blocks.Contains(it.GetType()))
            Touch(it);
    }

    private sealed class Recorder : ISimulatedRegisters
    {
        public List<uint> Offsets { get; } = [];

        public ulong Read(uint offset, int width)
        {
            Offsets.Add(offset);
            return 0;
        }

        public void Write(uint offset, int width, ulong value) => Offsets.Add(offset);
    }
}
