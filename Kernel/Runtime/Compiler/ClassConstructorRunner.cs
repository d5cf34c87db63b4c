using System.Threading;

namespace System.Runtime.CompilerServices;

/// <summary>What the compiler keeps for a type with a static constructor: its address until it has run, then 0.</summary>
internal struct StaticClassConstructionContext
{
    public nint Constructor;
}

/// <summary>
/// Runs static constructors on first use, each once. The compiler calls these by name where the context says that the
/// constructor has not run. A CPU that finds another running it waits; one that comes back to it while running it, or
/// that would wait for itself over others, goes on with what is there so far (ECMA-335 II.10.5.3.3).
/// </summary>
internal static unsafe class ClassConstructorRunner
{
    private static void CheckStaticClassConstruction(StaticClassConstructionContext* context) => Ensure(context);

    private static object? CheckStaticClassConstructionReturnGCStaticBase(StaticClassConstructionContext* context, object? staticBase)
    {
        Ensure(context);
        return staticBase;
    }

    private static nint CheckStaticClassConstructionReturnNonGCStaticBase(StaticClassConstructionContext* context, nint staticBase)
    {
        Ensure(context);
        return staticBase;
    }

    /// <summary>Sees to it that a type's static constructor has run, or is being run by this CPU.</summary>
    public static void Ensure(StaticClassConstructionContext* context)
    {
        nint constructor = Volatile.Read(ref context->Constructor);
        if (constructor == 0)
            return;
        uint cpu = ConstructionsUnderWay.ThisCpu();
        switch (ConstructionsUnderWay.Enter(context, cpu))
        {
            case ConstructionTurn.Run:
                ((delegate*<void>)constructor)();
                Volatile.Write(ref context->Constructor, 0);
                ConstructionsUnderWay.Leave(context, cpu);
                break;
            case ConstructionTurn.Wait:
                while (Volatile.Read(ref context->Constructor) != 0)
                    ConstructionsUnderWay.Pause();
                ConstructionsUnderWay.Leave(context, cpu);
                break;
        }
    }
}
