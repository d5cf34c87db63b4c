using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>
/// The kernel's self-tests on every machine of firmware, medium, chipset, memory and CPU: 80 with SLUICE_TEST_ALL=1, else as few
/// as let every two values meet.
/// </summary>
/// <remarks>A class for each firmware: classes run side by side.</remarks>
public abstract class MatrixTests
{
    private static readonly List<MachineSetup> _all =
    [
        .. from firmware in Enum.GetValues<Firmware>()
           from medium in Enum.GetValues<Medium>()
           from type in (string[])["q35", "pc"]
           from memory in (int[])[128, 512, 3 * 1024, 6 * 1024, 20 * 1024]
           from cpu in (string[])["qemu64", "max"]
           select new MachineSetup { Firmware = firmware, Medium = medium, Type = type, MemoryMiB = memory, Cpu = cpu },
    ];

    private static IReadOnlyList<MachineSetup> Chosen => Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1"
        ? _all
        : Pairwise.Cover(_all, m => m.Firmware, m => m.Medium, m => m.Type, m => m.MemoryMiB, m => m.Cpu);

    /// <summary>The short names of the chosen machines with one firmware.</summary>
    protected static IEnumerable<TheoryDataRow<string>> With(Firmware firmware) =>
        Chosen.Where(m => m.Firmware == firmware).Select(m => new TheoryDataRow<string>(m.ShortName));

    /// <summary>Boots the machine of that name.</summary>
    protected static Task Boot(string machine) => SelfTestRun.Check(machine, _all.Single(m => m.ShortName == machine));
}

/// <summary>The part of the matrix under SeaBIOS.</summary>
public sealed class SeaBiosMatrixTests : MatrixTests
{
    public static IEnumerable<TheoryDataRow<string>> Machines => With(Firmware.SeaBios);

    [Theory, MemberData(nameof(Machines))]
    public Task Tests_itself(string machine) => Boot(machine);
}

/// <summary>The part of the matrix under UEFI.</summary>
public sealed class UefiMatrixTests : MatrixTests
{
    public static IEnumerable<TheoryDataRow<string>> Machines => With(Firmware.Ovmf);

    [Theory, MemberData(nameof(Machines))]
    public Task Tests_itself(string machine) => Boot(machine);
}
