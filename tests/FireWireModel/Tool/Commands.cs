using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Ohci;

namespace Sluice.FireWire.Tool;

/// <summary>What a running bus can be told, a line each.</summary>
public static class Commands
{
    public const string Help = "plug A-B | unplug A | reset A | short-reset A | fault A NAME[+NAME...]|none | tree | stop (A, B: a member's name, with .PORT or without)";

    /// <summary>Does what a line says.</summary>
    /// <param name="answer">Where the answer goes.</param>
    /// <returns>False if it says to stop.</returns>
    public static bool Run(Model model, string line, TextWriter answer)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            switch (words)
            {
                case ["stop"]:
                    return false;
                case []:
                    break;
                case ["tree"]:
                    model.Do(() => PrintTree(model.Bus, answer));
                    break;
                case ["plug", string cable]:
                    model.Do(() => Connect(model.Bus, cable));
                    answer.WriteLine("ok");
                    break;
                case ["unplug", string name]:
                    model.Do(() => Disconnect(model.Bus, name));
                    answer.WriteLine("ok");
                    break;
                case ["fault", string name, string faults]:
                    model.Do(() => SetFaults(Find(model.Bus, name).Phy, faults));
                    answer.WriteLine("ok");
                    break;
                case ["reset" or "short-reset", string name]:
                    model.Do(() => Find(model.Bus, name).Phy.InitiateReset(words[0] == "reset"));
                    answer.WriteLine("ok");
                    break;
                default:
                    answer.WriteLine(Help);
                    break;
            }
        }
        catch (ArgumentException wrong)
        {
            answer.WriteLine(wrong.Message);
        }
        return true;
    }

    /// <summary>Plugs <c>NAME[.PORT]-NAME[.PORT]</c> together.</summary>
    /// <exception cref="ArgumentException">There is no such member or port, or the bus refuses.</exception>
    public static void Connect(FireWireBus bus, string cable)
    {
        string[] ends = cable.Split('-');
        if (ends.Length != 2)
            throw new ArgumentException($"'{cable}' is no cable: A-B is");
        bus.Connect(FreePort(Find(bus, ends[0])), FreePort(Find(bus, ends[1])));
    }

    private static void SetFaults(Phy phy, string faults)
    {
        if (phy.Link is not OhciController controller)
            throw new ArgumentException($"{phy.Name} is no controller");
        controller.Faults = FaultNames.Parse(faults);
    }

    private static void Disconnect(FireWireBus bus, string name)
    {
        (Phy phy, Port? port) = Find(bus, name);
        if (port != null)
            bus.Disconnect(port);
        else
            bus.Disconnect(phy);
    }

    private static Port FreePort((Phy Phy, Port? Port) end) => end.Port ?? end.Phy.Ports.FirstOrDefault(port => port.Peer == null) ??
        throw new ArgumentException($"{end.Phy.Name} has no free port");

    private static (Phy Phy, Port? Port) Find(FireWireBus bus, string name)
    {
        int dot = name.LastIndexOf('.');
        Phy? phy = bus.Phys.FirstOrDefault(phy => phy.Name == name);
        if (phy != null)
            return (phy, null);
        phy = dot < 0 ? null : bus.Phys.FirstOrDefault(phy => phy.Name == name[..dot]);
        if (phy == null || !int.TryParse(name.AsSpan(dot + 1), out int port) || (uint)port >= phy.Ports.Count)
            throw new ArgumentException($"there is no {name}");
        return (phy, phy.Ports[port]);
    }

    private static void PrintTree(FireWireBus bus, TextWriter answer)
    {
        var seen = new HashSet<Segment>();
        foreach (Segment segment in bus.Phys.Select(phy => phy.Segment).Where(seen.Add))
        {
            if (segment.Root != null)
                Print(segment.Root, 0);
            else
                answer.WriteLine("(a bus reset is on)");
        }

        void Print(Phy phy, int depth)
        {
            string link = phy.IsLinkActive ? "" : ", link off";
            answer.WriteLine($"{new string(' ', depth * 2)}{phy.PhysicalId} {phy.Name} {phy.MaxSpeed}{link}{(depth == 0 ? $", root, {phy.Segment.Packets} packets" : "")}");
            foreach (Port port in phy.Ports.Where(port => port.Code == PortCode.Child && port.Peer != null))
                Print(port.Peer!.Phy, depth + 1);
        }
    }
}
