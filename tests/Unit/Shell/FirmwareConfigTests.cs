using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Sluice.Boot;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Shells;

public sealed class FirmwareConfigTests
{
    private const string Name = "opt/org.sluice/args";

    private static string? Read(Device? device, int room = 100)
    {
        PortIo.Device = device;
        byte[] buffer = new byte[room];
        bool found = FirmwareConfig.TryRead(Encoding.ASCII.GetBytes(Name), buffer, out int length);
        PortIo.Device = null;
        return found ? Encoding.ASCII.GetString(buffer.AsSpan(0, length)) : null;
    }

    [Fact]
    public void An_item_is_found_among_others() =>
        Assert.Equal("test=*", Read(new Device(("etc/acpi/tables", "x"), ("opt/org.sluice/args2", "no"), (Name, "test=*"), ("z", "y"))));

    [Fact]
    public void A_missing_item_is_no_item() => Assert.Null(Read(new Device(("opt/org.sluice/arg", "no"), ("opt/org.sluice/args2", "no"))));

    [Fact]
    public void What_does_not_fit_is_cut_off() => Assert.Equal("test", Read(new Device((Name, "test=*")), 4));

    [Fact]
    public void Another_machine_has_no_such_device() => Assert.Null(Read(null));

    [Fact]
    public void On_a_board_the_ports_are_left_alone()
    {
        Device device = new((Name, "test=*"));
        FirmwareConfig.MayBeThere = false;
        Assert.Null(Read(device));
        FirmwareConfig.MayBeThere = true;
        Assert.Equal((0, 0), (device.Reads, device.Writes));
    }

    [Fact]
    public void Other_devices_at_the_port_are_left_alone() => Assert.Null(Read(new Device((Name, "test=*")) { Signature = "QEMV" }));

    [Fact]
    public void A_directory_without_end_is_given_up()
    {
        Device device = new((Name + "x", "")) { Count = uint.MaxValue };
        Assert.Null(Read(device));
        Assert.InRange(device.Reads, 1, 100_000);
    }

    /// <summary>QEMU's device: a selector, and a data register that gives the item's bytes, then zeros.</summary>
    private sealed class Device : ISimulatedRegisters
    {
        private readonly Dictionary<ushort, byte[]> _items = [];
        private readonly byte[] _directory;
        private byte[] _selected = [];
        private int _at;

        public Device(params (string Name, string Content)[] items)
        {
            _directory = new byte[4 + 64 * items.Length];
            Count = (uint)items.Length;
            for (int i = 0; i < items.Length; i++)
            {
                Span<byte> entry = _directory.AsSpan(4 + 64 * i, 64);
                ushort key = (ushort)(0x20 + i);
                BinaryPrimitives.WriteUInt32BigEndian(entry, (uint)items[i].Content.Length);
                BinaryPrimitives.WriteUInt16BigEndian(entry[4..], key);
                Encoding.ASCII.GetBytes(items[i].Name, entry[8..]);
                _items[key] = Encoding.ASCII.GetBytes(items[i].Content);
            }
        }

        public string Signature { get; init; } = "QEMU";

        public uint Count { get; init; }

        public int Reads { get; private set; }

        public int Writes { get; private set; }

        public ulong Read(uint offset, int width)
        {
            Assert.Equal((0x511u, 1), (offset, width));
            Reads++;
            return _at < _selected.Length ? _selected[_at++] : 0u;
        }

        public void Write(uint offset, int width, ulong value)
        {
            Assert.Equal((0x510u, 2), (offset, width));
            Writes++;
            BinaryPrimitives.WriteUInt32BigEndian(_directory, Count);
            _at = 0;
            _selected = value switch
            {
                0 => Encoding.ASCII.GetBytes(Signature),
                0x19 => _directory,
                _ => _items.GetValueOrDefault((ushort)value, []),
            };
        }
    }
}
