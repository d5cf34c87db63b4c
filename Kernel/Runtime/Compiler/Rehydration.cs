using Sluice.Runtime;

namespace Internal.Runtime;

/// <summary>
/// Type descriptions and string literals lie packed in the image; this writes them to where compiled code looks for them.
/// A command is a byte: what to do in its low three bits, a number above them. A number over 28 says how many more bytes of it follow.
/// Pointers are stored as distances of 32 bits from where they are stored. Source: the writer in ILC 10.0.14, option --dehydrate.
/// </summary>
internal static unsafe class Rehydration
{
    private const int CommandBits = 3, MostShort = 28;

    private enum Command
    {
        Copy = 0,
        Skip = 1,
        ListedDistance = 2,
        ListedPointer = 3,
        Distances = 4,
        Pointers = 5,
    }

    /// <summary>
    /// Unpacks a module's data. Before anything that uses a type or a string, so it must use none itself. The first entry of the range
    /// points to the destination; the list of pointers that occur often lies behind its end.
    /// </summary>
    public static void Run(ModuleHeader.Range packed)
    {
        if (packed.Start == packed.End)
            return;
        byte* to = Target(packed.Start), from = (byte*)(packed.Start + 1), end = (byte*)packed.End;
        while (from < end)
        {
            byte first = *from++;
            int number = first >> CommandBits;
            if (number > MostShort)
            {
                int more = number - MostShort;
                number = MostShort;
                for (int i = 0; i < more; i++)
                    number += *from++ << 8 * i;
            }
            switch ((Command)(first & (1 << CommandBits) - 1))
            {
                case Command.Copy:
                    MemoryOperations.Copy(to, from, (uint)number);
                    to += number;
                    from += number;
                    break;
                case Command.Skip:
                    to += number;
                    break;
                case Command.ListedDistance:
                    WriteDistance(ref to, Target(packed.End + number));
                    break;
                case Command.ListedPointer:
                    WritePointer(ref to, Target(packed.End + number));
                    break;
                case Command.Distances:
                    for (; number > 0; number--, from += sizeof(int))
                        WriteDistance(ref to, Target((int*)from));
                    break;
                case Command.Pointers:
                    for (; number > 0; number--, from += sizeof(int))
                        WritePointer(ref to, Target((int*)from));
                    break;
                default:
                    Fault.Stop("packed data with an unknown command"u8);
                    break;
            }
        }
    }

    private static byte* Target(int* place) => (byte*)place + *place;

    private static void WriteDistance(ref byte* to, byte* target)
    {
        *(int*)to = (int)(target - to);
        to += sizeof(int);
    }

    private static void WritePointer(ref byte* to, byte* target)
    {
        *(byte**)to = target;
        to += sizeof(byte*);
    }
}
