using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using Sluice.Panic;
using Sluice.Runtime;

namespace Sluice.Build;

/// <summary>Makes the kernel's map of its code (Kernel/Panic/CodeMap.cs) of the first link, and holds it against what it was made of.</summary>
public static partial class CodeMapBuilder
{
    /// <summary>The name of the section with the compiler's call frame information: Boot/kernel.ld.</summary>
    public const string FrameSection = ".debug_eh_frame";

    private const ulong KernelBase = 0xFFFF_FFFF_8000_0000;

    private sealed record Method(ulong Start, string Name, CallFrame? Frame);

    /// <summary>Assembly source of the map, and of the frame information for debuggers.</summary>
    public static string ToSource(ElfImage image)
    {
        ElfImage.Section section = image[FrameSection];
        List<CallFrame> frames = CallFrames.Read(section.Bytes, section.Address);
        StringBuilder source = new();
        Append(source, "section .code_map progbits alloc noexec nowrite align=8", Build(image, frames));
        Append(source, "section .debug_frame progbits noalloc noexec nowrite align=8", CallFrames.ToDebugFrame(frames));
        return source.ToString();
    }

    /// <summary>The map.</summary>
    /// <exception cref="InvalidDataException">Something cannot be said, or the kernel's reader would find something else.</exception>
    public static byte[] Build(ElfImage image, List<CallFrame> frames)
    {
        List<Method> methods = FindMethods(image, frames);
        // Programs that many methods share come first: their numbers take one byte.
        List<byte[]> encoded = [.. methods.Select(method => method.Frame == null ? [] : UnwindEncoder.Encode(CallFrames.Rows(method.Frame)))];
        string[] keys = [.. encoded.Select(Convert.ToHexString)];
        List<string> order = [.. keys.Where(key => key != "").GroupBy(key => key)
            .OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal).Select(group => group.Key)];

        List<byte> programs = [.. order.SelectMany(Convert.FromHexString)], list = [];
        ulong before = methods[0].Start;
        for (int i = 0; i < methods.Count; before = methods[i++].Start)
        {
            UnwindEncoder.Number(list, (uint)(methods[i].Start - before));
            UnwindEncoder.Number(list, (uint)(order.IndexOf(keys[i]) + 1));
        }
        (byte[] pairs, byte[] names) = NamePacker.Pack([.. methods.Select(method => method.Name)]);
        if (programs.Count > ushort.MaxValue || list.Count > ushort.MaxValue)
            throw new InvalidDataException("the map of the code has outgrown its header");
        byte[] map =
        [
            .. BitConverter.GetBytes((uint)(methods[0].Start - KernelBase)),
            .. BitConverter.GetBytes((ushort)programs.Count), .. BitConverter.GetBytes((ushort)list.Count),
            .. programs, .. list, .. pairs, .. names,
        ];
        Verify(map, methods);
        return map;
    }

    private static List<Method> FindMethods(ElfImage image, List<CallFrame> frames)
    {
        ElfImage.Section text = image[".text"];
        SortedDictionary<ulong, string> names = [];
        foreach ((string name, ulong address) in image.SymbolsIn(".text"))
        {
            // An export, and the method behind it: the method's name says more. A dot is in labels inside of assembly.
            bool better = !names.TryGetValue(address, out string? known) || IsMethod(name) && (!IsMethod(known) || string.CompareOrdinal(name, known) < 0);
            if (better && !name.Contains('.', StringComparison.Ordinal) && address < text.End)
                names[address] = name;
        }
        Dictionary<ulong, CallFrame> byStart = frames.ToDictionary(frame => frame.Start);
        foreach (CallFrame frame in frames)
        {
            // Handlers of finally have a frame of their own, but no name: they are part of the method before.
            if (!names.ContainsKey(frame.Start))
                names[frame.Start] = names.Last(method => method.Key < frame.Start).Value;
        }
        return [.. names.Select(method => new Method(method.Key, Readable(method.Value), byStart.GetValueOrDefault(method.Key)))];
    }

    private static bool IsMethod(string symbol) => symbol.StartsWith("Sluice_", StringComparison.Ordinal);

    // ILC's names are Assembly_Namespace_Type__Method; shown is Namespace.Type.Method without the assembly and the root namespace.
    private static string Readable(string symbol)
    {
        Match method = AssemblyName().Match(symbol);
        if (method.Success)
            symbol = Separator().Replace(Suffix().Replace(RootNamespace().Replace(symbol[method.Length..], ""), ""), ".");
        symbol = NoCharacter().Replace(symbol, "?");
        return symbol.Length <= PackedName.MostBytes ? symbol : symbol[..PackedName.MostBytes];
    }

    // As the kernel will read it, at each byte of code that the compiler described.
    private static void Verify(byte[] bytes, List<Method> methods)
    {
        CodeMap map = new(bytes);
        foreach (Method method in methods)
        {
            uint start = (uint)(method.Start - KernelBase);
            bool found = map.TryFind(start, out CodeMap.Method entry);
            map.ReadName(entry, out PackedName name);
            if (!found || entry.Start != start || Encoding.ASCII.GetString(name.Text) != method.Name ||
                map.TryGetProgram(entry, out UnwindProgram program) != (method.Frame != null))
            {
                throw new InvalidDataException($"the map of the code does not hold {method.Name}");
            }
            if (method.Frame == null)
                continue;
            if (!map.TryFind(start + method.Frame.Length - 1, out CodeMap.Method last) || last.Number != entry.Number)
                throw new InvalidDataException($"something else begins inside of {method.Name}");
            List<FrameRow> rows = CallFrames.Rows(method.Frame);
            for (uint offset = 0; offset < method.Frame.Length; offset++)
            {
                if (!IsSame(program.At(offset), rows.FindLast(row => row.Offset <= offset)!))
                    throw new InvalidDataException($"the map of the code is wrong at {method.Name}+0x{offset:x}");
            }
        }
    }

    private static unsafe bool IsSame(FrameRules rules, FrameRow row)
    {
        for (int register = 0; register < FrameRules.Registers; register++)
        {
            if (8u * rules.Saved[register] != row.Saved.GetValueOrDefault(register))
                return false;
        }
        return rules.Register == row.Register && 8 * rules.Words == row.Above;
    }

    private static void Append(StringBuilder source, string section, byte[] bytes)
    {
        source.Append(section);
        for (int i = 0; i < bytes.Length; i++)
            source.Append(i % 32 == 0 ? "\ndb " : ",").Append(bytes[i].ToString(CultureInfo.InvariantCulture));
        source.Append('\n');
    }

    [GeneratedRegex("^Sluice_(Kernel|Drivers|Pci|Mm|Platform|Runtime)_")] private static partial Regex AssemblyName();
    [GeneratedRegex("^Sluice_")] private static partial Regex RootNamespace();
    [GeneratedRegex("_[0-9]+$")] private static partial Regex Suffix();
    [GeneratedRegex("_+")] private static partial Regex Separator();
    [GeneratedRegex("[^ -~]")] private static partial Regex NoCharacter();
}
