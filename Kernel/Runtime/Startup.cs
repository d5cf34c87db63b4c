using System.Runtime;
using System.Runtime.CompilerServices;
using Internal.Runtime;

namespace Sluice.Runtime;

/// <summary>What compiled code expects to have been done before it uses types, strings, and static fields of reference type.</summary>
public static unsafe class Startup
{
    /// <summary>
    /// Unpacks types and strings, makes the objects that hold static fields of reference type, then runs eager static
    /// constructors and module initialisers. Once, on the first CPU, right after <see cref="ObjectHeap.Feed"/>; code that runs
    /// before must not touch such fields, nor use a type or a string.
    /// </summary>
    public static void Initialize()
    {
        for (ModuleHeader** module = ModulesStart(); module < ModulesEnd(); module++)
        {
            // The linker may leave holes.
            if (*module == null)
                continue;
            if (!(*module)->IsValid)
                Fault.Stop("a module header that is none"u8);
            Rehydration.Run((*module)->Find(ModuleSection.PackedData));
            MakeStatics((*module)->Find(ModuleSection.ReferenceStatics));
            Run((*module)->Find(ModuleSection.EagerConstructors));
            Run((*module)->Find(ModuleSection.Initializers));
        }
    }

    // Each entry points to a word that holds two relative pointers: to the method table of the object that will hold a
    // type's static fields, with flags in its low bits, and to the fields' first values. It becomes that object.
    private static void MakeStatics(ModuleHeader.Range entries)
    {
        const int uninitialized = 1, hasFirstValues = 2;
        for (int* entry = entries.Start; entry < entries.End; entry++)
        {
            int* word = (int*)((byte*)entry + *entry);
            if ((*word & uninitialized) == 0)
                continue;
            var type = (MethodTable*)((byte*)word + (*word & ~3));
            byte* holder = (byte*)ObjectHeap.Take(type, type->InstanceBytes);
            if ((*word & hasFirstValues) != 0)
                MemoryOperations.Copy(holder + sizeof(nint), (byte*)(word + 1) + word[1], type->InstanceBytes - (uint)sizeof(nint));
            *(void**)word = holder;
        }
    }

    private static void Run(ModuleHeader.Range methods)
    {
        for (int* entry = methods.Start; entry < methods.End; entry++)
            ((delegate*<void>)((byte*)entry + *entry))();
    }

    [RuntimeImport("runtime_modules_start"), MethodImpl(MethodImplOptions.InternalCall)] private static extern ModuleHeader** ModulesStart();

    [RuntimeImport("runtime_modules_end"), MethodImpl(MethodImplOptions.InternalCall)] private static extern ModuleHeader** ModulesEnd();
}
