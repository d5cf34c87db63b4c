using System;
using Sluice.Platform;

namespace System.Runtime
{
    /// <summary>Exists in the kernel's core library only.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class RuntimeExportAttribute(string name) : Attribute
    {
        public string Name { get; } = name;
    }
}

namespace Sluice.Arch
{
    /// <summary>
    /// The hosted twin of the local APIC: interrupts wait while the CPU does not let them in, one is in service at a time.
    /// </summary>
    internal static class LocalApic
    {
        public const byte TimerVector = 0xF0, ErrorVector = 0xFE, SpuriousVector = 0xFF;
        public const ulong MessageAddress = 0xFEE0_0000;

        private static readonly bool[] _requested = new bool[256], _inService = new bool[256];
        private static bool _delivering;

        public static bool IsEnabled { get; set; }

        public static uint Id { get; set; }

        public static uint Errors { get; set; }

        /// <summary>Told of each end of interrupt: the I/O APIC looks at its levels again.</summary>
        public static Action<byte>? Ended { get; set; }

        /// <summary>Ends that nothing was in service for.</summary>
        public static int NeedlessEnds { get; private set; }

        public static void Reset()
        {
            Array.Clear(_requested);
            Array.Clear(_inService);
            NeedlessEnds = 0;
            IsEnabled = true;
            Id = 3;
            Errors = 0;
            Ended = null;
            _delivering = false;
            Cpu.OnInterruptsEnabled = Deliver;
            Cpu.EnableInterrupts();         // a bug in the test before may have left them off
        }

        public static void InterruptSelf(byte vector) => Request(vector);

        public static bool IsRequested(byte vector) => _requested[vector];

        public static bool IsInService(byte vector) => _inService[vector];

        public static uint ReadErrors() => Errors;

        /// <summary>A message arrives.</summary>
        public static void Request(byte vector)
        {
            _requested[vector] = true;
            if (Cpu.InterruptsEnabled)
                Deliver();
        }

        public static void EndOfInterrupt()
        {
            int vector = Array.LastIndexOf(_inService, true);
            if (vector < 0)
            {
                NeedlessEnds++;
                return;
            }
            _inService[vector] = false;
            Ended?.Invoke((byte)vector);
        }

        private static void Deliver()
        {
            if (_delivering || !Array.Exists(_requested, requested => requested))
                return;
            _delivering = true;
            for (int vector; (vector = Array.LastIndexOf(_requested, true)) >= 0;)
            {
                Cpu.DisableInterrupts();
                _requested[vector] = false;
                _inService[vector] = vector != SpuriousVector;
                DeviceInterrupts.Enter((byte)vector);
                if (_inService[vector])
                    throw new InvalidOperationException($"the interrupt {vector} was not ended");
            }
            _delivering = false;
            Cpu.RestoreInterrupts(true);
        }
    }

    /// <summary>An I/O APIC as the data sheet describes it: index and window, 24 pins, levels held by the remote request bit.</summary>
    internal sealed class SimulatedIoApic : ISimulatedRegisters
    {
        private const ulong Masked = 1 << 16, Level = 1 << 15, RemoteRequest = 1 << 14;
        private readonly ulong[] _entries = new ulong[24];
        private readonly bool[] _raised = new bool[24];
        private uint _index;

        public SimulatedIoApic()
        {
            Array.Fill(_entries, 0x1234UL);         // what firmware left behind: unmasked
            LocalApic.Ended += OnEnd;
        }

        /// <summary>Version register; 24 pins.</summary>
        public uint Version { get; init; } = 0x0017_0020;

        public ulong Entry(int pin) => _entries[pin];

        public bool IsMasked(int pin) => (_entries[pin] & Masked) != 0;

        public ulong Read(uint offset, int width) => (offset, _index) switch
        {
            (0, _) => _index,
            (0x10, 1) => Version,
            (0x10, >= 0x10 and < 0x40) => (uint)(_entries[(_index - 0x10) / 2] >> (int)(32 * (_index & 1))),
            _ => uint.MaxValue,
        };

        public void Write(uint offset, int width, ulong value)
        {
            if (width != 4)
                throw new InvalidOperationException("I/O APIC registers are 32 bits wide");
            if (offset == 0)
            {
                _index = (uint)value;
                return;
            }
            int pin = (int)(_index - 0x10) / 2;
            if ((_index & 1) != 0)
                _entries[pin] = _entries[pin] & uint.MaxValue | value << 32;
            else
                _entries[pin] = _entries[pin] & (0xFFFF_FFFF_0000_0000 | RemoteRequest) | value & ~RemoteRequest;
            Evaluate(pin);
        }

        /// <summary>Moves a pin to its active or its idle state.</summary>
        public void Set(int pin, bool active)
        {
            bool rose = active && !_raised[pin];
            _raised[pin] = active;
            if ((_entries[pin] & Level) != 0)
                Evaluate(pin);
            else if (rose && !IsMasked(pin))
                Send(pin);
        }

        private void Evaluate(int pin)
        {
            if (!_raised[pin] || (_entries[pin] & (Masked | RemoteRequest)) != 0 || (_entries[pin] & Level) == 0)
                return;
            _entries[pin] |= RemoteRequest;
            Send(pin);
        }

        private void Send(int pin)
        {
            if (_entries[pin] >> 56 == LocalApic.Id)
                LocalApic.Request((byte)_entries[pin]);
        }

        private void OnEnd(byte vector)
        {
            for (int pin = 0; pin < 24; pin++)
            {
                if ((byte)_entries[pin] != vector || (_entries[pin] & Level) == 0)
                    continue;
                _entries[pin] &= ~RemoteRequest;
                Evaluate(pin);
            }
        }
    }
}
