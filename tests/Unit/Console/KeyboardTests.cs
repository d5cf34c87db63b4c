using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using FsCheck.Fluent;
using Sluice.Console;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class KeyboardTests
{
    // Keys by their codes of set 1 and set 2, in the order of the standard's table: an independent copy of what the code relies on.
    private static readonly (byte One, byte Two)[] _codes =
    [
        (0x01, 0x76), (0x02, 0x16), (0x0A, 0x46), (0x0B, 0x45), (0x0E, 0x66), (0x0F, 0x0D), (0x10, 0x15), (0x19, 0x4D), (0x1C, 0x5A), (0x1D, 0x14),
        (0x1E, 0x1C), (0x26, 0x4B), (0x29, 0x0E), (0x2A, 0x12), (0x2B, 0x5D), (0x2C, 0x1A), (0x32, 0x3A), (0x35, 0x4A), (0x36, 0x59), (0x37, 0x7C),
        (0x38, 0x11), (0x39, 0x29), (0x3A, 0x58), (0x3B, 0x05), (0x41, 0x83), (0x44, 0x09), (0x45, 0x77), (0x47, 0x6C), (0x4A, 0x7B), (0x4E, 0x79),
        (0x53, 0x71), (0x56, 0x61), (0x57, 0x78), (0x58, 0x07),
    ];

    private static string Type(ref ScanCodes codes, params byte[] bytes)
    {
        List<byte> typed = [];
        foreach (byte code in bytes)
        {
            KeyBytes key = codes.Feed(code);
            for (int i = 0; i < key.Count; i++)
                typed.Add(key[i]);
        }
        return Encoding.Latin1.GetString([.. typed]);
    }

    [Theory]
    [InlineData(new byte[] { 0x1E, 0x9E, 0x30, 0xB0 }, "ab")]
    [InlineData(new byte[] { 0x2A, 0x1E, 0xAA, 0x1E }, "Aa")]                 // shift held, then not
    [InlineData(new byte[] { 0x36, 0x02, 0xB6, 0x02 }, "!1")]
    [InlineData(new byte[] { 0x3A, 0xBA, 0x1E, 0x02, 0x2A, 0x1E, 0xAA, 0x3A, 0x1E }, "A1aa")]
    [InlineData(new byte[] { 0x1D, 0x2E, 0x9D, 0x2E }, "\u0003c")]
    [InlineData(new byte[] { 0xE0, 0x1D, 0x26, 0xE0, 0x9D, 0x26 }, "\fl")]
    [InlineData(new byte[] { 0x1D, 0x02 }, "")]
    [InlineData(new byte[] { 0x1C, 0x0E, 0x0F, 0x39, 0x01 }, "\r\u007F\t \e")]
    [InlineData(new byte[] { 0xE0, 0x48, 0xE0, 0xC8, 0xE0, 0x50, 0xE0, 0x4B, 0xE0, 0x4D }, "\e[A\e[B\e[D\e[C")]
    [InlineData(new byte[] { 0xE0, 0x47, 0xE0, 0x4F, 0xE0, 0x53 }, "\e[H\e[F\e[3~")]
    [InlineData(new byte[] { 0x48, 0x45, 0xC5, 0x48, 0x53, 0x4A }, "\e[A8.-")] // keypad without and with num lock
    [InlineData(new byte[] { 0x45, 0x2A, 0x48 }, "\e[A")]
    [InlineData(new byte[] { 0xE0, 0x2A, 0xE0, 0x53, 0xE0, 0xAA, 0x1E }, "\e[3~a")]
    [InlineData(new byte[] { 0xE0, 0x35, 0xE0, 0x1C, 0x37 }, "/\r*")]
    [InlineData(new byte[] { 0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5, 0x48 }, "\e[A")]  // Pause is neither control nor num lock
    [InlineData(new byte[] { 0x2A, 0xFF, 0x1E }, "a")]                        // codes were lost: shift is not held for good
    [InlineData(new byte[] { 0x56, 0x2B, 0x2A, 0x56, 0x28 }, "\\\\|\"")]
    [InlineData(new byte[] { 0xFA, 0xFE, 0xEE, 0x5B, 0x7F, 0x3B, 0xE0, 0x5B, 0xE0, 0x37 }, "")]
    public void Set_one(byte[] bytes, string typed)
    {
        ScanCodes codes = new(ScanCodeSet.One);
        Assert.Equal(typed, Type(ref codes, bytes));
    }

    [Theory]
    [InlineData(new byte[] { 0x1C, 0xF0, 0x1C, 0x32 }, "ab")]
    [InlineData(new byte[] { 0x12, 0x1C, 0xF0, 0x12, 0x1C }, "Aa")]
    [InlineData(new byte[] { 0xE0, 0x75, 0xE0, 0xF0, 0x75, 0x1C }, "\e[Aa")]
    [InlineData(new byte[] { 0x14, 0x21, 0xF0, 0x14, 0x21 }, "\u0003c")]
    [InlineData(new byte[] { 0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77, 0x75, 0x1C }, "\e[Aa")]
    [InlineData(new byte[] { 0x58, 0xF0, 0x58, 0x1C }, "A")]
    [InlineData(new byte[] { 0xAA, 0xFA, 0x00, 0x5A }, "\r")]
    public void Set_two(byte[] bytes, string typed)
    {
        ScanCodes codes = new(ScanCodeSet.Two);
        Assert.Equal(typed, Type(ref codes, bytes));
    }

    [Fact]
    public void Both_sets_type_the_same()
    {
        foreach ((byte one, byte two) in _codes)
        {
            ScanCodes first = new(ScanCodeSet.One), second = new(ScanCodeSet.Two);
            Assert.Equal(Type(ref first, one, 0x1E, (byte)(one | 0x80), 0x1E), Type(ref second, two, 0x1C, 0xF0, two, 0x1C));
        }
    }

    [Fact]
    public void Any_codes_give_only_what_terminals_send() =>
        Properties.ForAll(Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf(), bytes =>
        {
            foreach (ScanCodeSet set in new[] { ScanCodeSet.One, ScanCodeSet.Two })
            {
                ScanCodes codes = new(set);
                string typed = Type(ref codes, bytes);
                Assert.DoesNotContain(typed, character => character >= 0x80);
            }
        }, 1000);

    [Fact]
    public void A_keyboard_is_found_and_read()
    {
        using SimulatedClock clock = new();
        Controller controller = new();
        controller.Output.Enqueue(0x1E);                                      // a key from before
        PortIo.Device = controller;
        Assert.True(Keyboard.TryOpen(null, out Keyboard? keyboard));
        Assert.Equal(0x61, controller.Configuration);                         // interrupt, mouse off, translation
        Assert.True(controller.Scanning);
        Assert.False(keyboard.TryRead(out _));
        controller.Output.Enqueue(0x30);
        Assert.True(keyboard.TryRead(out KeyBytes key));
        Assert.Equal((1, (byte)'b'), (key.Count, key[0]));
        controller.Output.Enqueue(0x30);
        controller.FromMouse = true;
        Assert.True(keyboard.TryRead(out key));
        Assert.Equal(0, key.Count);
        Assert.InRange(clock.ElapsedMicroseconds, 0u, 10_000u);
    }

    [Fact]
    public void A_controller_that_cannot_translate_gives_set_two()
    {
        using SimulatedClock clock = new();
        Controller controller = new() { Translates = false };
        PortIo.Device = controller;
        Assert.True(Keyboard.TryOpen(true, out Keyboard? keyboard));
        Assert.DoesNotContain((byte)0xAA, controller.Commands);                  // ACPI said it is there: no self-test
        controller.Output.Enqueue(0x32);
        Assert.True(keyboard.TryRead(out KeyBytes key));
        Assert.Equal((byte)'b', key[0]);
    }

    [Fact]
    public void What_ACPI_denies_is_not_touched()
    {
        Controller controller = new();
        PortIo.Device = controller;
        Assert.False(Keyboard.TryOpen(false, out _));
        Assert.Empty(controller.Commands);
    }

    [Fact]
    public void No_controller_and_broken_ones_cost_little_time()
    {
        Controller[] broken = [new() { StuckStatus = 0xFF }, new() { StuckStatus = 0x02 }, new() { StuckStatus = 0x01 }, new() { Mute = true }, new() { SelfTest = 0xFC }];
        foreach (Controller controller in broken)
        {
            using SimulatedClock clock = new();
            PortIo.Device = controller;
            Assert.False(Keyboard.TryOpen(null, out _));
            Assert.InRange(clock.ElapsedMicroseconds, 0u, 300_000u);
        }
        PortIo.Device = null;
        Assert.False(Keyboard.TryOpen(null, out _));
    }

    [Fact]
    public void A_controller_without_a_keyboard_is_no_error()
    {
        using SimulatedClock clock = new();
        PortIo.Device = new Controller { Unplugged = true };
        Assert.True(Keyboard.TryOpen(null, out Keyboard? keyboard));
        Assert.False(keyboard.TryRead(out _));
        Assert.InRange(clock.ElapsedMicroseconds, 0u, 100_000u);
    }

    [Fact]
    public void A_controller_that_answers_at_random_never_holds_the_kernel() =>
        Properties.ForAll(Gen.Choose(0, int.MaxValue), seed =>
        {
            using SimulatedClock clock = new();
            PortIo.Device = new Noise(seed);
            if (Keyboard.TryOpen(seed % 2 == 0 ? null : true, out Keyboard? keyboard))
            {
                for (int i = 0; i < 100; i++)
                    keyboard.TryRead(out _);
            }
            Assert.InRange(clock.ElapsedMicroseconds, 0u, 1_000_000u);
        });

    private sealed class Noise(int seed) : ISimulatedRegisters
    {
        private readonly Random _random = new(seed);

        public ulong Read(uint offset, int width) => (ulong)_random.Next(256);

        public void Write(uint offset, int width, ulong value)
        {
        }
    }

    /// <summary>An i8042 as its manual describes it.</summary>
    private sealed class Controller : ISimulatedRegisters
    {
        private bool _expectConfiguration;

        public Queue<byte> Output { get; } = [];

        public List<byte> Commands { get; } = [];

        public byte Configuration { get; private set; } = 0x03;

        public bool Translates { get; init; } = true;

        public bool Mute { get; init; }

        public bool Unplugged { get; init; }

        public byte SelfTest { get; init; } = 0x55;

        public byte? StuckStatus { get; init; }

        public bool FromMouse { get; set; }

        public bool Scanning { get; private set; }

        public ulong Read(uint offset, int width)
        {
            if (offset == 0x64)
                return StuckStatus ?? (byte)((Output.Count > 0 ? 1 : 0) | (FromMouse ? 0x20 : 0));
            return offset == 0x60 && Output.TryDequeue(out byte value) ? value : (byte)0x00;
        }

        public void Write(uint offset, int width, ulong value)
        {
            if (offset == 0x64)
                Command((byte)value);
            else if (_expectConfiguration)
                Configure((byte)value);
            else if (value == 0xF4 && !Unplugged)
                Scan();
        }

        private void Command(byte command)
        {
            Commands.Add(command);
            _expectConfiguration = command == 0x60;
            if (Mute)
                return;
            if (command == 0x20)
                Output.Enqueue(Configuration);
            else if (command == 0xAA)
                Output.Enqueue(SelfTest);
        }

        private void Configure(byte value)
        {
            _expectConfiguration = false;
            Configuration = Translates ? value : (byte)(value & ~0x40);
        }

        private void Scan()
        {
            Scanning = true;
            Output.Enqueue(0xFA);
        }
    }
}
