using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;

namespace Sluice.Tests.Boot;

/// <summary>A bus of the FireWire model with places for machines of QEMU's, and what a kernel's shell says of it.</summary>
internal class FireWireModelBus : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("firewire-model");

    /// <param name="controllers">NAME[,OPTION...] of each.</param>
    /// <param name="more">More words for the model, such as nodes.</param>
    public FireWireModelBus(string[] controllers, params IEnumerable<string> more)
    {
        IEnumerable<string> words = controllers.SelectMany(one => (string[])["--controller", $"{Socket(one.Split(',')[0])},name={one}"]);
        Model = new Model(Options.Parse([.. words, .. more]), _ => { });
    }

    public Model Model { get; }

    /// <summary>Where a controller is reached.</summary>
    public string Socket(string controller) => Path.Combine(_folder.FullName, controller);

    /// <summary>QEMU's words for a controller.</summary>
    public string[] Device(string controller) => ["-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{Socket(controller)}\"}}}}"];

    /// <summary>Waits until the tree that a kernel draws says something. The tree.</summary>
    public static async Task<string> Seen(Machine machine, string what)
    {
        while (true)
        {
            string tree = await machine.Shell("fw");
            if (tree.Contains(what)) return tree;
            await machine.Pause(TimeSpan.FromMilliseconds(200));
        }
    }

    /// <summary>The same, and until nothing has changed for a while: managers have done what they wanted.</summary>
    public static async Task<string> Quiet(Machine machine, string what)
    {
        string before = "";
        while (true)
        {
            string tree = await Seen(machine, what);
            if (tree == before) return tree;
            before = tree;
            await machine.Pause(TimeSpan.FromSeconds(3));
        }
    }

    /// <summary>The number of the node of which a line of the tree says something.</summary>
    public static int NodeOf(string tree, string what) => Number(tree, $@"(\d+) S\d+ {Regex.Escape(what)}");

    /// <summary>The same of the line that has a role in it.</summary>
    public static int NodeIn(string tree, string role) => Number(tree, $@"(?m)(\d+) S\d+ .*, {Regex.Escape(role)}\b");

    public virtual void Dispose()
    {
        Model.Dispose();
        _folder.Delete(recursive: true);
    }

    private static int Number(string tree, string pattern) => int.Parse(Regex.Match(tree, pattern).Groups[1].Value, CultureInfo.InvariantCulture);
}
