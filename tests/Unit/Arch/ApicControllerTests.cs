using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sluice.Arch;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Arch;

/// <summary>The kernel's routing, sharing, masking and polling on simulated APICs.</summary>
public sealed class ApicControllerTests : IDisposable
{
    private readonly SimulatedClock _clock = new();
    private readonly SimulatedIoApic _ioApic;
    private readonly ApicController _controller;

    public ApicControllerTests()
    {
        Machine.Reset();
        LocalApic.Reset();
        _ioApic = new SimulatedIoApic();
        InterruptTopology topology = new();
        topology.AddIoApic(new IoApicDescription { Address = new PhysAddr(0xFEC0_0000) });
        topology.Override(0, 2, LineTrigger.EdgeHigh);
        topology.AddGlobalNonMaskable(new NonMaskableInput { Number = 23, Trigger = LineTrigger.LevelLow });
        Assert.True(IoApic.TryStart(new Mmio(_ioApic, IoApic.Bytes), 0, out IoApic? ioApic));
        for (int pin = 0; pin < 24; pin++)
            Assert.True(_ioApic.IsMasked(pin));
        _controller = new ApicController(topology, [ioApic]);
    }

    public void Dispose()
    {
        for (int vector = 32; vector < 256; vector++)
            DeviceInterrupts.SetTarget((byte)vector, null);
        Assert.Equal(0, LocalApic.NeedlessEnds);
        Cpu.OnInterruptsEnabled = null;
        Machine.Reset();
        _clock.Dispose();
    }

    [Fact]
    public void Each_message_of_a_block_calls_its_own_handler()
    {
        Device[] devices = [new(), new(), new(), new()];
        Assert.True(_controller.TryTakeMessages(devices, "nic"u8, out InterruptToken token, out InterruptMessage message));
        Assert.Equal(0xFEE0_3000u, message.Address);
        Assert.Equal(0u, message.Data & 3);
        for (int i = 0; i < 4; i++)
        {
            LocalApic.Request((byte)(message.Data + (uint)i));
            Assert.Equal(1, devices[i].Calls);
            Assert.Equal(i + 1, devices.Sum(device => device.Calls));
        }
        Assert.Equal(InterruptRoute.Message, _controller.RouteOf(token));
        _controller.Release(ref token);
        Assert.False(token.IsValid);
        ulong unknown = DeviceInterrupts.Unknown;
        LocalApic.Request((byte)message.Data);
        Assert.Equal(4, devices.Sum(device => device.Calls));
        Assert.Equal(unknown + 1, DeviceInterrupts.Unknown);
    }

    [Fact]
    public void A_masked_message_is_delivered_once_when_unmasked()
    {
        var device = new Device();
        Assert.True(_controller.TryTakeMessage(device, "nic"u8, out InterruptToken token, out InterruptMessage message));
        _controller.Mask(token);
        _controller.Mask(token);
        LocalApic.Request((byte)message.Data);
        LocalApic.Request((byte)message.Data);
        _controller.Unmask(token);
        Assert.Equal(0, device.Calls);
        _controller.Unmask(token);
        Assert.Equal(1, device.Calls);
        Assert.Throws<BugException>(() => _controller.Unmask(token));
    }

    [Fact]
    public void An_ISA_line_is_routed_by_its_override()
    {
        var device = new Device();
        Assert.True(_controller.TryTakeLine(InterruptLine.Isa(0), device, "timer"u8, out InterruptToken token));
        Assert.False(_ioApic.IsMasked(2));
        _ioApic.Set(2, true);
        _ioApic.Set(2, false);
        Assert.Equal(1, device.Calls);
        Assert.Equal(InterruptRoute.Line, _controller.RouteOf(token));
        Assert.False(_controller.TryTakeLine(InterruptLine.Isa(0), device, "second"u8, out _));
        _controller.Release(ref token);
        Assert.True(_ioApic.IsMasked(2));
        _ioApic.Set(2, true);
        Assert.Equal(1, device.Calls);
    }

    [Fact]
    public void Devices_that_share_a_level_are_all_served()
    {
        Device first = new() { Pin = 16, Line = _ioApic }, second = new() { Pin = 16, Line = _ioApic };
        first.Neighbour = second;
        second.Neighbour = first;
        InterruptLine line = InterruptLine.Global(16, LineTrigger.LevelLow);
        Assert.True(_controller.TryTakeLine(line, first, "first"u8, out InterruptToken one));
        Assert.True(_controller.TryTakeLine(line, second, "second"u8, out InterruptToken two));
        Assert.False(_controller.TryTakeLine(InterruptLine.Global(16, LineTrigger.LevelHigh), first, "other"u8, out _));
        second.Raise();
        first.Raise();
        Assert.Equal((1, 1), (first.Served, second.Served));
        _controller.Release(ref one);
        second.Raise();
        Assert.Equal((1, 2), (first.Served, second.Served));
        _controller.Release(ref two);
        Assert.True(_ioApic.IsMasked(16));
    }

    [Fact]
    public void A_masked_level_waits_for_all_masks_to_go()
    {
        Device first = new() { Pin = 16, Line = _ioApic }, second = new() { Pin = 16, Line = _ioApic };
        first.Neighbour = second;
        second.Neighbour = first;
        InterruptLine line = InterruptLine.Global(16, LineTrigger.LevelLow);
        Assert.True(_controller.TryTakeLine(line, first, "first"u8, out InterruptToken one));
        Assert.True(_controller.TryTakeLine(line, second, "second"u8, out InterruptToken two));
        _controller.Mask(one);
        _controller.Mask(two);
        second.Raise();
        _controller.Unmask(one);
        Assert.Equal(0, second.Served);
        _controller.Release(ref two);       // takes its mask along
        Assert.Equal(SharedLine.StormBound, first.Calls);   // it interrupts, but nobody is left who could lower the line
    }

    [Fact]
    public void An_interrupt_while_it_was_masked_is_no_proof_of_a_guessed_line()
    {
        Device device = new() { Pin = 11, Line = _ioApic };
        Assert.True(_controller.TryTakeLine(InterruptLine.Pci(11), device, "edu"u8, out InterruptToken token));
        Cpu.DisableInterrupts();
        _ioApic.Set(11, true);              // a neighbour's; it waits at the CPU
        _controller.Mask(token);
        Cpu.EnableInterrupts();
        Assert.Equal(0, device.Calls);
        Assert.Equal(InterruptRoute.GuessedLine, _controller.RouteOf(token));
    }

    [Fact]
    public void A_line_that_loses_its_last_handler_is_not_opened_on_the_way()
    {
        Device device = new() { Pin = 16, Line = _ioApic };
        Assert.True(_controller.TryTakeLine(InterruptLine.Global(16, LineTrigger.LevelLow), device, "nic"u8, out InterruptToken token));
        _controller.Mask(token);
        ulong unknown = DeviceInterrupts.Unknown;
        _ioApic.Set(16, true);              // somebody else's device
        _controller.Release(ref token);
        Assert.Equal(unknown, DeviceInterrupts.Unknown);
        Assert.True(_ioApic.IsMasked(16));
    }

    [Fact]
    public void A_masked_edge_is_not_lost()
    {
        var device = new Device();
        Assert.True(_controller.TryTakeLine(InterruptLine.Isa(1), device, "keyboard"u8, out InterruptToken token));
        _controller.Mask(token);
        _ioApic.Set(1, true);
        _ioApic.Set(1, false);
        Assert.Equal(0, device.Calls);
        _controller.Unmask(token);
        Assert.Equal(1, device.Calls);
    }

    [Fact]
    public void A_line_that_nobody_claims_is_shut_off_and_its_handlers_are_polled()
    {
        Device device = new() { Pin = 16, Line = _ioApic };
        Assert.True(_controller.TryTakeLine(InterruptLine.Global(16, LineTrigger.LevelLow), device, "quiet"u8, out InterruptToken token));
        ulong shut = _controller.Totals.LinesShutOff;
        _ioApic.Set(16, true);              // somebody else on the line
        Assert.Equal(SharedLine.StormBound, device.Calls);
        Assert.Equal(shut + 1, _controller.Totals.LinesShutOff);
        Assert.True(_ioApic.IsMasked(16));
        Assert.Equal(InterruptRoute.Polled, _controller.RouteOf(token));
        device.Wants = true;
        _clock.Advance(1_100);
        Assert.Equal(1, device.Served);
        _controller.Release(ref token);
        int calls = device.Calls;
        _clock.Advance(10_000);
        Assert.Equal(calls, device.Calls);
    }

    [Fact]
    public void A_claim_now_and_then_keeps_a_noisy_line_open()
    {
        Device device = new() { Pin = 16, Line = _ioApic };
        Assert.True(_controller.TryTakeLine(InterruptLine.Global(16, LineTrigger.LevelLow), device, "noisy"u8, out InterruptToken token));
        for (int i = 0; i < 10; i++)
        {
            device.WantsAfterCalls = device.Calls + SharedLine.StormBound;
            device.Raise();
            Assert.Equal(i + 1, device.Served);
        }
        Assert.Equal(InterruptRoute.Line, _controller.RouteOf(token));
    }

    [Fact]
    public void A_guessed_line_is_polled_until_it_has_proved_itself()
    {
        Device device = new() { Pin = 11, Line = _ioApic };
        Assert.True(_controller.TryTakeLine(InterruptLine.Pci(11), device, "edu"u8, out InterruptToken token));
        Assert.Equal(InterruptRoute.GuessedLine, _controller.RouteOf(token));
        _clock.Advance(35_000);
        Assert.Equal(3, device.Calls);
        device.Raise();
        Assert.Equal(1, device.Served);
        Assert.Equal(InterruptRoute.Line, _controller.RouteOf(token));
        int calls = device.Calls;
        _clock.Advance(100_000);
        Assert.Equal(calls, device.Calls);
        Assert.Equal(0, Machine.Timers.Count);
    }

    [Fact]
    public void A_guessed_line_that_stays_silent_is_given_up_for_polling()
    {
        Device device = new();              // its line leads elsewhere
        Assert.True(_controller.TryTakeLine(InterruptLine.Pci(11), device, "edu"u8, out InterruptToken token));
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(InterruptRoute.GuessedLine, _controller.RouteOf(token));
            device.Wants = true;
            _clock.Advance(10_000);
        }
        Assert.Equal(4, device.Served);
        Assert.Equal(InterruptRoute.Polled, _controller.RouteOf(token));
        device.Wants = true;
        _clock.Advance(1_100);
        Assert.Equal(5, device.Served);
    }

    [Fact]
    public void A_function_without_a_line_is_polled()
    {
        Device device = new() { Wants = true };
        Assert.True(_controller.TryTakeLine(InterruptLine.Pci(255), device, "lineless"u8, out InterruptToken token));
        Assert.Equal(InterruptRoute.Polled, _controller.RouteOf(token));
        _clock.Advance(1_100);
        Assert.Equal(1, device.Served);
        _controller.Mask(token);
        _clock.Advance(10_000);
        Assert.Equal(1, device.Calls);
        _controller.Unmask(token);
        _clock.Advance(10_000);
        Assert.InRange(device.Calls, 10, 11);
    }

    [Fact]
    public void A_function_on_a_line_that_has_another_trigger_is_polled()
    {
        Assert.True(_controller.TryTakeLine(InterruptLine.Isa(3), new Device(), "serial"u8, out _));
        Assert.True(_controller.TryTakeLine(InterruptLine.Pci(3), new Device(), "nic"u8, out InterruptToken token));
        Assert.Equal(InterruptRoute.Polled, _controller.RouteOf(token));
    }

    [Fact]
    public void Polling_keeps_its_interval()
    {
        Device device = new(), hasty = new();
        Assert.True(_controller.TryTakePolling(5_000, device, "slow"u8, out _));
        Assert.True(_controller.TryTakePolling(1, hasty, "hasty"u8, out _));
        _clock.Advance(100_000);
        Assert.InRange(device.Calls, 19, 20);
        Assert.InRange(hasty.Calls, 900, 1_000);
    }

    [Fact]
    public void Without_routing_nothing_is_promised_and_all_is_polled()
    {
        LocalApic.IsEnabled = false;
        var controller = new ApicController(InterruptTopology.Conventional, []);
        Assert.False(controller.TryTakeMessage(new Device(), "nic"u8, out _, out _));
        Assert.True(controller.TryTakeLine(InterruptLine.Isa(1), new Device(), "keyboard"u8, out InterruptToken token));
        Assert.Equal(InterruptRoute.Polled, controller.RouteOf(token));
    }

    [Fact]
    public void Running_out_of_vectors_or_places_is_an_answer()
    {
        var tokens = new List<InterruptToken>();
        while (_controller.TryTakeMessage(new Device(), "nic"u8, out InterruptToken token, out _))
            tokens.Add(token);
        Assert.Equal(VectorAllocator.End - VectorAllocator.First, tokens.Count);
        Assert.False(_controller.TryTakeLine(InterruptLine.Isa(1), new Device(), "keyboard"u8, out _));
        int places = 0;
        while (_controller.TryTakePolling(1_000, new Device(), "poll"u8, out _))
            places++;
        Assert.Equal(64, places);
    }

    [Fact]
    public void Everything_taken_is_listed()
    {
        Assert.True(_controller.TryTakeMessages([new Device(), new Device()], "a name much too long for its place"u8, out _, out _));
        Assert.True(_controller.TryTakeLine(InterruptLine.Isa(4), new Device(), "serial"u8, out InterruptToken line));
        _controller.Mask(line);
        var names = new List<string>();
        int position = 0;
        while (_controller.TryNext(ref position, out InterruptUse use))
            names.Add($"{Encoding.UTF8.GetString(use.Name.Text)} {use.Route} {use.Line} {use.IsMasked}");
        Assert.Equal(["a name much too long fo Message 0 False", "a name much too long fo Message 0 False", "serial Line 4 True"], names);
    }

    [Fact]
    public void Spurious_and_unknown_vectors_are_counted_and_ended_only_if_in_service()
    {
        ulong spurious = DeviceInterrupts.Spurious, unknown = DeviceInterrupts.Unknown;
        LocalApic.Request(LocalApic.SpuriousVector);
        LocalApic.Request(77);
        DeviceInterrupts.Enter(39);        // an 8259's spurious interrupt comes past the local APIC
        Assert.Equal(spurious + 1, DeviceInterrupts.Spurious);
        Assert.Equal(unknown + 2, DeviceInterrupts.Unknown);
    }

    [Fact]
    public void Inputs_for_non_maskable_interrupts_are_open_from_the_start() =>
        Assert.Equal(0x0300_0000_0000_A400u, _ioApic.Entry(23));

    [Fact]
    public void Nobody_at_the_address_is_not_an_IO_APIC()
    {
        Assert.False(IoApic.TryStart(new Mmio(new SimulatedIoApic { Version = uint.MaxValue }, IoApic.Bytes), 0, out _));
        Assert.False(IoApic.TryStart(new Mmio(new SimulatedIoApic { Version = 0 }, IoApic.Bytes), 0, out _));
    }

    private sealed class Device : IInterruptHandler
    {
        public int Calls { get; private set; }

        public int Served { get; private set; }

        public bool Wants { get; set; }

        public int WantsAfterCalls { get; set; } = int.MaxValue;

        public int Pin { get; init; } = -1;

        public SimulatedIoApic? Line { get; init; }

        public Device? Neighbour { get; set; }

        public void Raise()
        {
            Wants = WantsAfterCalls == int.MaxValue;
            Line!.Set(Pin, true);
        }

        public bool OnInterrupt()
        {
            Calls++;
            if (Pin < 0 && !Wants)
                return false;
            if (Calls >= WantsAfterCalls)
                Wants = true;
            if (!Wants)
                return false;
            Wants = false;
            WantsAfterCalls = int.MaxValue;
            Served++;
            Line?.Set(Pin, Neighbour is { Wants: true });
            return true;
        }
    }
}
