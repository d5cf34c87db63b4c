using System;
using System.IO;

namespace Sluice.Build;

/// <summary>Entry of the build's own tool.</summary>
public static class Program
{
    private const string Usage = """
        usage: Sluice.Build font REGULAR.otb BOLD.otb OUT.cs    converts a bitmap font to the kernel's tables
               Sluice.Build code-map FIRST.elf OUT.s            makes the map of the code that backtraces are made by
               Sluice.Build pci-names CHOSEN.list OUT.bin       packs names of PCI vendors, devices and classes
        """;

    /// <summary>One of the steps of <see cref="Usage"/>.</summary>
    public static int Main(string[] arguments)
    {
        try
        {
            switch (arguments)
            {
                case ["font", string regular, string bold, string output]:
                    FontTables tables = FontConverter.Convert(BitmapFont.Read(File.ReadAllBytes(regular)), BitmapFont.Read(File.ReadAllBytes(bold)));
                    File.WriteAllText(output, tables.ToSource());
                    return 0;
                case ["code-map", string image, string output]:
                    File.WriteAllText(output, CodeMapBuilder.ToSource(new ElfImage(File.ReadAllBytes(image))));
                    return 0;
                case ["pci-names", string list, string output]:
                    File.WriteAllBytes(output, PciNameList.Pack(File.ReadLines(list)));
                    return 0;
                default:
                    Console.Error.WriteLine(Usage);
                    return 2;
            }
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException)
        {
            // The form that MSBuild shows as an error of the build.
            Console.Error.WriteLine($"{arguments[1]}: error SLUICE1: {problem.Message}");
            return 1;
        }
    }
}
