using System;
using System.IO;

namespace Sluice.Build;

/// <summary>Entry of the build's own tool.</summary>
public static class Program
{
    /// <summary><c>font REGULAR.otb BOLD.otb OUT.cs</c> converts a bitmap font to the kernel's tables.</summary>
    public static int Main(string[] arguments)
    {
        if (arguments is not ["font", string regular, string bold, string output])
        {
            Console.Error.WriteLine("usage: Sluice.Build font REGULAR.otb BOLD.otb OUT.cs");
            return 2;
        }
        try
        {
            FontTables tables = FontConverter.Convert(BitmapFont.Read(File.ReadAllBytes(regular)), BitmapFont.Read(File.ReadAllBytes(bold)));
            File.WriteAllText(output, tables.ToSource());
            return 0;
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException)
        {
            // The form that MSBuild shows as an error of the build.
            Console.Error.WriteLine($"{regular}: error SLUICE1: {problem.Message}");
            return 1;
        }
    }
}
