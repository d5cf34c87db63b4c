using System.Runtime.CompilerServices;
using System.Threading;

namespace Sluice.SelfTest;

/// <summary>
/// What the core library and the compiler do together, as it can only be seen in the kernel: calls, casts, statics,
/// boxes, spans. Checks that fail end in a panic; those are in <see cref="PanicKinds"/>.
/// </summary>
internal static unsafe partial class CoreLibrarySuite
{
    private static int _zero = 0;

    public static void Register(ref Suite suite)
    {
        suite.Case("an interface call finds each of 1 to 40 implementors"u8, &ManyImplementors);
        suite.Case("a call site that saw many types finds the first again"u8, &FirstAgain);
        suite.Case("arguments survive the first call of a site"u8, &ArgumentsSurvive);
        suite.Case("overrides, explicit and inherited implementations"u8, &Overrides);
        suite.Case("default interface methods"u8, &DefaultMethods);
        suite.Case("generic interfaces of one class are told apart"u8, &GenericInterfaces);
        suite.Case("in and out parameters of interfaces"u8, &Variance);
        suite.Case("structs behind interfaces"u8, &StructReceivers);
        suite.Case("virtual calls"u8, &VirtualCalls);

        suite.Case("classes are cast up, down and not across"u8, &ClassCasts);
        suite.Case("interface casts"u8, &InterfaceCasts);
        suite.Case("array casts"u8, &ArrayCasts);
        suite.Case("array stores and references are checked"u8, &ArrayStores);
        suite.Case("boxes"u8, &Boxes);
        suite.Case("nullables"u8, &Nullables);
        suite.Case("enumerations"u8, &Enumerations);
        suite.Case("casts in shared generic code"u8, &GenericCasts);
        suite.Case("patterns"u8, &Patterns);

        suite.Case("a static constructor runs once, on first use"u8, &StaticConstructorOnce);
        suite.Case("static constructors in a circle"u8, &StaticConstructorCircle);
        suite.Case("static constructors on several CPUs"u8, &StaticConstructorTurns);
        suite.Case("statics of generic types"u8, &GenericStatics);
        suite.Case("static fields of reference type"u8, &ReferenceStatics);
        suite.Case("eager static constructors and module initializers"u8, &EagerStatics);

        suite.Case("delegates"u8, &Delegates);
        suite.Case("function pointers"u8, &FunctionPointers);
        suite.Case("generics over structs and classes"u8, &Generics);
        suite.Case("static abstract members"u8, &StaticAbstracts);

        suite.Case("spans of arrays, stack and single values"u8, &Spans);
        suite.Case("spans of large and odd stack buffers"u8, &StackBuffers);
        suite.Case("inline arrays"u8, &InlineArrays);
        suite.Case("ref fields and ref structs"u8, &RefStructs);
        suite.Case("structs with references are copied whole"u8, &StructCopies);
        suite.Case("strings"u8, &Strings);
        suite.Case("indices and ranges"u8, &Ranges);

        suite.Case("bit counts"u8, &BitCounts);
        suite.Case("powers of two"u8, &RoundedUp);
        suite.Case("rotations"u8, &Rotations);
        suite.Case("byte orders"u8, &ByteOrders);
        suite.Case("integer mathematics"u8, &IntegerMath);
        suite.Case("comparison of spans and search in them"u8, &SpanSearch);

        suite.Case("checked arithmetic within bounds"u8, &CheckedArithmetic);
        suite.Case("division and shifts at the edges"u8, &Division);
        suite.Case("atomic operations"u8, &Atomics);
        suite.Case("switches"u8, &Switches);
        suite.Case("finally runs"u8, &Finally);
        suite.Case("objects have an identity"u8, &Identity);
    }

    // Hides a value from the optimiser.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Opaque(int value) => value + Volatile.Read(ref _zero);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object? Hide(object? value) => value;
}
