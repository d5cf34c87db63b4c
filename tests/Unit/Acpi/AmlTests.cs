using System;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Acpi;
using Xunit;
using static Sluice.Tests.Acpi.SimulatedFirmware;

namespace Sluice.Tests.Acpi;

/// <summary>The search for \_S5 in AML. Encodings: ACPI 6.5, section 20.2.</summary>
public sealed class AmlTests
{
    /// <summary>Name (_S5_, Package (4) {5, 6, 0, 0}).</summary>
    public static byte[] SoftOff => [0x08, .. "_S5_"u8, 0x12, 0x08, 0x04, 0x0A, 5, 0x0A, 6, 0, 0];

    public static TheoryData<string, byte[], int, int> Found => new()
    {
        { "byte constants", SoftOff, 5, 6 },
        { "zero and one", [0x08, .. "_S5_"u8, 0x12, 0x06, 0x04, 0x00, 0x01, 0, 0], 0, 1 },
        { "absolute path", [0x08, 0x5C, .. "_S5_"u8, 0x12, 0x06, 0x02, 0x0A, 7, 0x0A, 7], 7, 7 },
        { "word and double word", [0x08, .. "_S5_"u8, 0x12, 0x0A, 0x02, 0x0B, 3, 0, 0x0C, 2, 0, 0, 0], 3, 2 },
        { "two length bytes", [0x08, .. "_S5_"u8, 0x12, 0x46, 0x00, 0x02, 0x0A, 4, 0x01], 4, 1 },
        { "behind other names", [0x08, .. "_S3_"u8, 0x12, 0x04, 0x02, 0x01, 0x01, .. "_S5_"u8, 0x12, .. SoftOff], 5, 6 },
    };

    [Theory]
    [MemberData(nameof(Found))]
    public void Packages_of_constants_are_found(string what, byte[] code, int a, int b)
    {
        Assert.True(SleepType.TryFindSoftOff(Table("DSDT", code), out SleepType type), what);
        Assert.Equal((a, b), (type.A, type.B));
    }

    public static TheoryData<string, byte[]> Missed => new()
    {
        { "nothing", [] },
        { "a method", [0x14, 0x0C, .. "_S5_"u8, 0x00, 0xA4, 0x00] },
        { "a longer path", [0x08, 0x2E, .. "_SB__S5_"u8, 0x12, 0x04, 0x02, 0x00, 0x00] },
        { "computed elements", [0x08, .. "_S5_"u8, 0x12, 0x0A, 0x02, .. "FOO_"u8, .. "BAR_"u8] },
        { "a string", [0x08, .. "_S5_"u8, 0x0D, 0x00] },
        { "one element", [0x08, .. "_S5_"u8, 0x12, 0x03, 0x01, 0x00] },
        { "cut off", SoftOff[..7] },
        { "cut off in the elements", SoftOff[..^4] },
        { "a package that claims more than the table has", [0x08, .. "_S5_"u8, 0x12, 0x20, 0x04, 0x0A, 5, 0x0A, 6, 0, 0] },
        { "elements past the package", [0x08, .. "_S5_"u8, 0x12, 0x03, 0x02, 0x0A, 5, 0x0A, 5] },
    };

    [Theory]
    [MemberData(nameof(Missed))]
    public void What_is_no_package_of_constants_is_not_taken_for_one(string what, byte[] code) =>
        Assert.False(SleepType.TryFindSoftOff(Table("DSDT", code), out _), what);

    [Fact]
    public void Any_bytes_are_safe() =>
        Properties.ForAll(
            from noise in TableDirectoryTests.AnyBytes(64)
            from cut in Gen.Choose(0, 16)
            from tail in TableDirectoryTests.AnyBytes(32)
            select (byte[])[.. new byte[36], .. noise, .. SoftOff.Take(cut), .. tail],
            bytes =>
            {
                if (SleepType.TryFindSoftOff(bytes, out SleepType type))
                    Assert.True(type is { A: < 8, B: < 8 });
            }, times: 3000);

    [Fact]
    public void Tables_shorter_than_a_header_are_safe()
    {
        for (int length = 0; length < 40; length++)
            Assert.False(SleepType.TryFindSoftOff(new byte[length], out _));
    }
}
