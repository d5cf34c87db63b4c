using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using Sluice.Tests.FireWire.Linux;

namespace Sluice.Tests.FireWire.Bench;

/// <summary>The model as users run it: a process of its own. Ends with this object.</summary>
internal sealed class ModelProcess : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it, and waits until it listens.</summary>
    public ModelProcess(params string[] arguments)
    {
        string program = Path.Combine(LinuxGuest.Root, "tests/FireWireModel/bin/Debug/net10.0/Sluice.FireWireModel.dll");
        _process = Process.Start(new ProcessStartInfo("dotnet", ["exec", program, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        if (_process.StandardOutput.ReadLine() != "ready")
            throw new InvalidOperationException("the model did not start");
    }

    /// <summary>Its memory in RAM, in MiB, without what guests share with it.</summary>
    public double Memory => (Kibibytes("VmRSS") - Kibibytes("RssShmem")) / 1024;

    /// <summary>Of all cores, since it started.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private double Kibibytes(string name)
    {
        string line = File.ReadLines($"/proc/{_process.Id}/status").Single(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', '\t').First(word => word.Length != 0 && char.IsAsciiDigit(word[0])), CultureInfo.InvariantCulture);
    }
}
