using System;
using System.IO;
using System.Linq;

namespace Sluice.Tests;

/// <summary>Where things are in the project, found from where this program lies.</summary>
public static class ProjectTree
{
    /// <summary>The project's top folder.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Where tests leave what they make.</summary>
    public static string Out => Path.Combine(Root, "out");

    /// <summary>A path inside the project.</summary>
    public static string In(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>The compiled tests/<paramref name="project"/>, built the same way (Debug or Release) as this program.</summary>
    public static string? FindTestAssembly(string project)
    {
        string mine = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        string framework = Path.GetFileName(mine), configuration = Path.GetFileName(Path.GetDirectoryName(mine)!);
        string folder = In("tests", project, "bin", configuration, framework);
        const string Mark = ".runtimeconfig.json";
        return Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "Sluice.Tests.*" + Mark).Select(file => file[..^Mark.Length] + ".dll")
                .FirstOrDefault(file => !file.EndsWith("Runner.dll", StringComparison.Ordinal) && File.Exists(file))
            : null;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props"))) return folder.FullName;
        throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is in no project tree");
    }
}
