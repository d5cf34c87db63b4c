using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using Xunit;

namespace Sluice.Tests.Structure;

/// <summary>What docs/design.md says about layers, held against the tree.</summary>
public sealed class LayerTests
{
    private static readonly string _root = FindRoot();

    // Each assembly of the kernel and the one that it may name; everything below comes with that.
    private static readonly (string Project, string? Below)[] _layers =
    [
        ("Kernel/Kernel.csproj", "Drivers/Drivers.csproj"),
        ("Drivers/Drivers.csproj", "Kernel/Pci/Pci.csproj"),
        ("Kernel/Pci/Pci.csproj", "Mm/Mm.csproj"),
        ("Mm/Mm.csproj", "Kernel/Platform/Platform.csproj"),
        ("Kernel/Platform/Platform.csproj", "Kernel/Runtime/Runtime.csproj"),
        ("Kernel/Runtime/Runtime.csproj", null),
    ];

    public static TheoryData<string, string?> LayerRows => new(_layers);

    [Theory]
    [MemberData(nameof(LayerRows))]
    public void A_layer_references_the_one_below_and_no_other(string project, string? below)
    {
        string path = Path.Combine(_root, project);
        IEnumerable<string> references = XDocument.Load(path).Descendants("ProjectReference")
            .Select(reference => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, reference.Attribute("Include")!.Value)))
            .Select(full => Path.GetRelativePath(_root, full));
        Assert.Equal(below == null ? [] : [below], references);
        Assert.Empty(XDocument.Load(path).Descendants("PackageReference"));
    }

    [Fact]
    public void Every_layer_is_held_to_the_rules_of_the_analyzer()
    {
        Assert.All(_layers, layer => Assert.Contains("Freestanding.props", File.ReadAllText(Path.Combine(_root, layer.Project)), StringComparison.Ordinal));
        XElement analyzer = Assert.Single(XDocument.Load(Path.Combine(_root, "Kernel/Freestanding.props")).Descendants("ProjectReference"));
        Assert.Equal("Analyzer", analyzer.Attribute("OutputItemType")!.Value);
        Assert.True(File.Exists(Path.Combine(_root, "Kernel", analyzer.Attribute("Include")!.Value.Replace("$(MSBuildThisFileDirectory)", "", StringComparison.Ordinal))));
    }

    [Fact]
    public void One_source_serves_the_kernel_and_the_hosted_tests_without_conditional_compilation() =>
        Assert.DoesNotContain(KernelSources(), file => File.ReadLines(file).Any(line => line.TrimStart().StartsWith("#if", StringComparison.Ordinal)));

    [Fact]
    public void No_source_file_of_the_kernel_outgrows_a_reader() =>
        Assert.DoesNotContain(KernelSources(), file => File.ReadLines(file).Count() > 400);

    [Fact]
    public void Nothing_above_the_platform_layer_reaches_for_assembly()
    {
        string[] shared = ["Mm", "Drivers", "Kernel/Pci"];
        IEnumerable<string> above = KernelSources()
            .Where(file => shared.Any(folder => Path.GetRelativePath(_root, file).StartsWith(folder + "/", StringComparison.Ordinal)));
        Assert.DoesNotContain(above, file => File.ReadAllText(file).Contains("RuntimeImport", StringComparison.Ordinal));
    }

    private static IEnumerable<string> KernelSources()
    {
        string[] files = new[] { "Kernel", "Mm", "Drivers" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(_root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .ToArray();
        Assert.True(files.Length > 50, "the tree is where the tests expect it");
        return files;
    }

    private static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Kernel.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("Kernel.sln is in no folder above the tests");
        return folder;
    }
}
