using System;
using System.IO;
using System.Linq;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>The bus above the controller knows no controller.</summary>
public sealed class LayerTests
{
    [Theory]
    [InlineData("Core")]
    [InlineData("Sbp2")]
    [InlineData("Ip")]
    public void The_core_and_what_is_above_it_have_not_a_word_of_any_controller(string part)
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Kernel.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("Kernel.sln is in no folder above the tests");
        string[] files = Directory.GetFiles(Path.Combine(folder, "Drivers/FireWire", part), "*.cs", SearchOption.AllDirectories);
        Assert.True(files.Length > 4, "the tree is where the test expects it");
        string[] words = ["ohci", "Sluice.Pci", "Mmio", "Sluice.FireWire.Bus", "Sluice.FireWire.Nodes"];
        Assert.Empty(files.SelectMany(file => words.Where(word => File.ReadAllText(file).Contains(word, StringComparison.OrdinalIgnoreCase)).Select(word => (file, word))));
    }
}
