using System;
using System.Collections.Generic;
using Sluice.Devices;
using Sluice.FireWire.Ohci;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>Gives a test machines whose controller is the second model.</summary>
internal static class SecondModel
{
    /// <summary>Lets a test run with it.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has the seed, and what happened last if SLUICE_JOURNAL is 1.</exception>
    public static void Use(int seed, Action test)
    {
        SecondController? last = null;
        ControllerFunction.Maker = (card, memory, guid) =>
        {
            var function = new SecondFunction(card, memory, guid, seed);
            last = function.Controller;
            return function;
        };
        try
        {
            test();
        }
        catch (Exception exception)
        {
            string journal = Environment.GetEnvironmentVariable("SLUICE_JOURNAL") == "1" && last != null ? "\n" + string.Join('\n', last.Journal) : "";
            throw new InvalidOperationException($"seed {seed}: {exception.Message}{journal}", exception);
        }
        finally
        {
            ControllerFunction.Maker = null;
        }
    }
}

/// <summary>The second model as a PCI function.</summary>
internal sealed class SecondFunction : ControllerFunction
{
    public SecondFunction(OhciCard card, IDeviceMemory memory, ulong guid, int seed) : base(card, memory) => Controller = new SecondController(this, guid, seed);

    public SecondController Controller { get; }

    public override Model.Link Link => Controller;

    public override long PhysicalRequests => Controller.PhysicalRequests;

    public override long IsochronousLost => Controller.IsochronousLost;

    public override IReadOnlyList<string> Complaints => Controller.Complaints;

    public override int Turn() => Controller.Lot.Turn();

    public override ulong ReadBar(int bar, uint offset, int bytes) => Controller.Read(offset);

    public override void WriteBar(int bar, uint offset, int bytes, ulong value) => Controller.Write(offset, (uint)value);
}
