using System;
using System.Collections.Generic;
using System.Text;
using Sluice.Console;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class SerialPortTests
{
    private const ushort Base = 0x3F8;

    [Fact]
    public void Bytes_go_out_and_come_in_at_115200_baud()
    {
        Uart uart = new();
        PortIo.Device = uart;
        Assert.True(SerialPort.TryOpen(Base, out SerialPort port));
        Assert.Equal((1, 0x03, 0), (uart.Divisor, uart.LineControl, uart.InterruptEnable));
        foreach (byte value in "a longer text than fits into the FIFO"u8)
            port.Write(value);
        Assert.Equal("a longer text than fits into the FIFO", Encoding.ASCII.GetString([.. uart.Sent]));
        Assert.Equal(0, uart.Overruns);
        Assert.False(port.TryRead(out _));
        uart.Received.Enqueue(0x41);
        Assert.True(port.TryRead(out byte received));
        Assert.Equal(0x41, received);
    }

    [Fact]
    public void A_UART_without_FIFOs_gets_one_byte_at_a_time()
    {
        Uart uart = new() { Depth = 1 };
        PortIo.Device = uart;
        Assert.True(SerialPort.TryOpen(Base, out SerialPort port));
        for (int i = 0; i < 20; i++)
            port.Write((byte)i);
        Assert.Equal((20, 0), (uart.Sent.Count, uart.Overruns));
    }

    [Fact]
    public void No_port_is_noticed_and_takes_no_time()
    {
        PortIo.Device = null;                                                 // all ones
        Assert.False(SerialPort.TryOpen(Base, out SerialPort port));
        PortIo.Device = new Zero();
        Assert.False(SerialPort.TryOpen(Base, out port));
        Assert.False(port.IsPresent);
        port.Write(1);
        port.Reset();
        Assert.False(port.TryRead(out _));
    }

    [Fact]
    public void A_stuck_port_costs_one_wait_and_recovers()
    {
        using SimulatedClock clock = new();
        Uart uart = new();
        PortIo.Device = uart;
        Assert.True(SerialPort.TryOpen(Base, out SerialPort port));
        uart.Stuck = true;
        for (int i = 0; i < 1000; i++)
            port.Write((byte)'x');
        Assert.InRange(clock.ElapsedMicroseconds, 100_000u, 1_200_000u);
        Assert.Empty(uart.Sent);
        uart.Stuck = false;
        port.Write((byte)'y');
        Assert.Equal([(byte)'y'], uart.Sent);
        Assert.InRange(clock.ElapsedMicroseconds, 100_000u, 1_200_000u);
    }

    [Fact]
    public void A_port_that_was_pulled_reads_nothing()
    {
        PortIo.Device = new Uart();
        Assert.True(SerialPort.TryOpen(Base, out SerialPort port));
        PortIo.Device = null;
        Assert.False(port.TryRead(out _));
    }

    [Fact]
    public void Reset_ends_a_half_set_up_port()
    {
        Uart uart = new();
        PortIo.Device = uart;
        Assert.True(SerialPort.TryOpen(Base, out SerialPort port));
        PortIo.Out8(Base + 3, 0x80);                                          // a fault in the middle of setting the rate
        port.Reset();
        port.Write((byte)'!');
        Assert.Equal([(byte)'!'], uart.Sent);
        Assert.Equal(1, uart.Divisor);
    }

    private sealed class Zero : ISimulatedRegisters
    {
        public ulong Read(uint offset, int width) => 0;

        public void Write(uint offset, int width, ulong value)
        {
        }
    }

    /// <summary>A 16550 that sends what its FIFO holds whenever somebody asks whether it is empty.</summary>
    private sealed class Uart : ISimulatedRegisters
    {
        private byte _scratch;
        private int _queued;

        public List<byte> Sent { get; } = [];

        public Queue<byte> Received { get; } = [];

        public int Depth { get; init; } = 16;

        public bool Stuck { get; set; }

        public int Overruns { get; private set; }

        public int Divisor { get; private set; }

        public byte LineControl { get; private set; }

        public byte InterruptEnable { get; private set; }

        private bool Latch => (LineControl & 0x80) != 0;

        public ulong Read(uint offset, int width) => (offset - Base) switch
        {
            0 => Received.TryDequeue(out byte value) ? value : (byte)0,
            2 => Depth > 1 ? 0xC1u : 0x01u,
            5 => Status(),
            7 => _scratch,
            _ => 0u,
        };

        public void Write(uint offset, int width, ulong value)
        {
            switch (offset - Base)
            {
                case 0 when Latch:
                    Divisor = Divisor & 0xFF00 | (byte)value;
                    break;
                case 0 when _queued == Depth || Stuck:
                    Overruns++;
                    break;
                case 0:
                    _queued++;
                    Sent.Add((byte)value);
                    break;
                case 1 when Latch:
                    Divisor = Divisor & 0xFF | (byte)value << 8;
                    break;
                case 1:
                    InterruptEnable = (byte)value;
                    break;
                case 3:
                    LineControl = (byte)value;
                    break;
                case 7:
                    _scratch = (byte)value;
                    break;
            }
        }

        private uint Status()
        {
            if (Stuck)
                return 0;
            _queued = 0;
            return 0x60u | (Received.Count > 0 ? 1u : 0);
        }
    }
}
