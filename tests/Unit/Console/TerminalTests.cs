using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text;
using Sluice.Console;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class TerminalTests : IDisposable
{
    private readonly Wire _wire = new();

    public TerminalTests()
    {
        Clear();
        Cpu.Id = 0;
        PortIo.Device = _wire;
        Terminal.Initialize();
        Terminal.WriteLine($"");                                              // what other tests logged
        _wire.Sent.Clear();
    }

    public unsafe void Dispose()
    {
        Clear();
        Log.Console = null;
        PortIo.Device = null;
        Cpu.RestoreInterrupts(true);
    }

    // The kernel never comes back from a panic and never loses its screen.
    private static void Clear()
    {
        foreach (FieldInfo field in typeof(Terminal).GetFields(BindingFlags.Static | BindingFlags.NonPublic))
        {
            if (field.Name is "_panicking" or "_screen" or "_writer" or "_input" or "_keyboard" or "_serialLine" or "_keyboardLine")
                field.SetValue(null, field.FieldType.IsValueType ? Activator.CreateInstance(field.FieldType) : null);
        }
        Terminal.SerialColours = false;
        Log.ConsoleLevel = LogLevel.Info;
    }

    private string Sent => Encoding.UTF8.GetString([.. _wire.Sent]);

    private static string RowText(TextScreen screen, int row) =>
        string.Concat(Enumerable.Range(0, screen.Columns).Select(column => char.ConvertFromUtf32((int)Font.RuneOf(screen[row, column].Glyph)))).TrimEnd();

    [Fact]
    public void Text_goes_out_with_the_line_ends_of_terminals_and_without_colours()
    {
        Terminal.WriteLine($"\e[31mred\e[0m {1 + 1} €");
        Assert.Equal("red 2 €\r\n", Sent);
        Terminal.SerialColours = true;
        Terminal.Write("\e[31mred"u8);
        Assert.Equal("red 2 €\r\n\e[31mred", Sent);
    }

    [Fact]
    public void Log_lines_carry_the_time_and_pass_by_level()
    {
        Log.Info($"found {3} things");
        Log.Debug($"quiet");
        Log.Warn($"look");
        Assert.Matches(@"^\[ *\d+\.\d{6}\] found 3 things\r\n\[ *\d+\.\d{6}\] look\r\n$", Sent);
        _wire.Sent.Clear();
        Log.ConsoleLevel = LogLevel.Debug;
        Log.Debug($"loud");
        Assert.EndsWith("loud\r\n", Sent);
    }

    [Fact]
    public void The_screen_gets_what_was_logged_before_it_was_there()
    {
        Log.Info($"early");
        CountingDisplay display = new();
        TextScreen screen = new(display);
        Terminal.Attach(screen);
        Assert.Contains(Enumerable.Range(0, screen.Rows), row => RowText(screen, row).EndsWith("] early", StringComparison.Ordinal));
        Assert.True(display.Drawn > 0);
        Terminal.Write("only here\n"u8, Outputs.Screen);
        Assert.DoesNotContain("only here", Sent);
        Terminal.Write("only there\n"u8, Outputs.Serial);
        Assert.DoesNotContain(Enumerable.Range(0, screen.Rows), row => RowText(screen, row) == "only there");
        Assert.Single(Sent.Split("early"), part => part.Contains("only there"));
    }

    [Fact]
    public void What_an_interrupt_handler_logs_comes_after_the_text_that_it_interrupted()
    {
        int interrupts = 0;
        _wire.OnByte = value =>
        {
            if (value == (byte)'5' && interrupts++ == 0)
                Log.Info($"from a handler");
        };
        Terminal.WriteLine($"1234567890");
        Assert.Matches(@"^1234567890\r\n\[ *\d+\.\d{6}\] from a handler\r\n$", Sent);
    }

    [Fact]
    public void What_an_interrupt_handler_prints_is_not_lost_and_does_not_wait_for_what_it_interrupted()
    {
        int interrupts = 0;
        _wire.OnByte = value =>
        {
            if (value == (byte)'5' && interrupts++ == 0)
                Terminal.WriteLine($"against the rules");
        };
        Terminal.WriteLine($"1234567890");
        Assert.StartsWith("1234567890\r\n", Sent);
        Assert.Contains("against the rules", Sent);
    }

    [Fact]
    public void A_panic_in_the_middle_of_a_write_prints_at_once()
    {
        bool panicked = false;
        _wire.OnByte = value =>
        {
            if (value != (byte)'5' || panicked)
                return;
            panicked = true;
            PortIo.Out8(0x3F8 + 3, 0x80);                                     // and the port is half set up
            Terminal.BeginPanic();
            Terminal.WriteHeadline($"PANIC: test");
            Terminal.WriteLine($"  details");
        };
        Terminal.Write("12345"u8);
        Assert.Equal("1234\r\nPANIC: test\r\n  details\r\n", Sent.Replace("5", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_panic_in_the_screen_goes_on_without_it()
    {
        CountingDisplay display = new();
        Terminal.Attach(new TextScreen(display));
        Terminal.BeginPanic();
        Terminal.WriteLine($"first");
        int drawn = display.Drawn;
        Terminal.BeginPanic();
        Terminal.WriteLine($"second");
        Assert.Equal(drawn, display.Drawn);
        Assert.EndsWith("first\r\n\r\nsecond\r\n", Sent);
    }

    [Fact]
    public void Input_comes_by_looking_until_interrupts_are_taken_and_by_them_from_then_on()
    {
        Machine.Reset();
        SimulatedInterrupts interrupts = new();
        Machine.Interrupts = interrupts;
        _wire.Received.Enqueue((byte)'a');
        Assert.True(Terminal.TryRead(out byte value));
        Assert.Equal((byte)'a', value);
        Assert.False(Terminal.InterruptsOnInput);
        Terminal.TakeInterrupts();
        Assert.True(Terminal.InterruptsOnInput);
        Assert.Equal(1, _wire.InterruptEnable);
        _wire.Received.Enqueue((byte)'b');
        interrupts.SetLine(4, true);
        interrupts.SetLine(4, false);
        Assert.True(Terminal.TryRead(out value));
        Assert.Equal((byte)'b', value);
        Assert.False(Terminal.TryRead(out _));
    }

    [Fact]
    public void Of_a_burst_longer_than_an_interrupt_reads_nothing_stays_behind()
    {
        Machine.Reset();
        SimulatedInterrupts interrupts = new();
        Machine.Interrupts = interrupts;
        Terminal.TakeInterrupts();
        _wire.OnLine = high => interrupts.SetLine(4, high);
        _wire.Receive(300);
        int read = 0;
        while (Terminal.TryRead(out byte value))
            Assert.Equal((byte)read++, value);
        Assert.Equal(300, read);
    }

    [Fact]
    public void Without_a_port_everything_goes_on()
    {
        PortIo.Device = null;
        Terminal.Initialize();
        Terminal.WriteLine($"nobody hears");
        Log.Warn($"nor this");
        Assert.False(Terminal.TryRead(out _));
        Terminal.BeginPanic();
        Terminal.WriteLine($"nor this");
    }

    private sealed class CountingDisplay() : CellDisplay(100, 30)
    {
        public int Drawn { get; private set; }

        public override bool HasAllGlyphs => true;

        public override void Clear()
        {
        }

        public override void Draw(int row, int column, ReadOnlySpan<Cell> cells) => Drawn += cells.Length;
    }

    /// <summary>A serial port that is always ready, and tells of each byte as an interrupt in that moment would.</summary>
    private sealed class Wire : ISimulatedRegisters
    {
        private byte _scratch, _lineControl;
        private bool _line;

        public List<byte> Sent { get; } = [];

        public Queue<byte> Received { get; } = [];

        public Action<byte>? OnByte { get; set; }

        /// <summary>Told when the interrupt line, up while bytes wait and may interrupt, changes.</summary>
        public Action<bool>? OnLine { get; set; }

        public byte InterruptEnable { get; private set; }

        public void Receive(int count)
        {
            for (int i = 0; i < count; i++)
                Received.Enqueue((byte)i);
            MoveLine();
        }

        public ulong Read(uint offset, int width) => (offset - 0x3F8) switch
        {
            0 => Take(),
            5 => 0x60u | (Received.Count > 0 ? 1u : 0),
            7 => _scratch,
            _ => 0xFFu,
        };

        public void Write(uint offset, int width, ulong value)
        {
            switch (offset - 0x3F8)
            {
                case 0 when (_lineControl & 0x80) == 0:
                    Sent.Add((byte)value);
                    OnByte?.Invoke((byte)value);
                    break;
                case 1 when (_lineControl & 0x80) == 0:
                    InterruptEnable = (byte)value;
                    MoveLine();
                    break;
                case 3:
                    _lineControl = (byte)value;
                    break;
                case 7:
                    _scratch = (byte)value;
                    break;
            }
        }

        private byte Take()
        {
            byte value = Received.TryDequeue(out byte first) ? first : (byte)0;
            MoveLine();
            return value;
        }

        private void MoveLine()
        {
            bool line = (InterruptEnable & 1) != 0 && Received.Count > 0;
            if (line == _line)
                return;
            _line = line;
            OnLine?.Invoke(line);
        }
    }
}
