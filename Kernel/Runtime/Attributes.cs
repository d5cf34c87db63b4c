namespace System
{
    /// <summary>Base of attributes: notes to the compilers, never made at run time.</summary>
    public abstract class Attribute;

    [Flags]
    public enum AttributeTargets
    {
        Assembly = 1, Module = 2, Class = 4, Struct = 8, Enum = 16, Constructor = 32, Method = 64, Property = 128,
        Field = 256, Event = 512, Interface = 1024, Parameter = 2048, Delegate = 4096, ReturnValue = 8192,
        GenericParameter = 16384, All = 32767,
    }

    public sealed class AttributeUsageAttribute(AttributeTargets targets) : Attribute
    {
        public AttributeTargets ValidOn => targets;
        public bool AllowMultiple { get; set; }
        public bool Inherited { get; set; }
    }

    public sealed class FlagsAttribute : Attribute;
    public sealed class ParamArrayAttribute : Attribute;
    public sealed class ObsoleteAttribute(string message) : Attribute { public string Message => message; }
    public sealed class CLSCompliantAttribute(bool compliant) : Attribute { public bool IsCompliant => compliant; }
}

namespace System.Reflection
{
    public sealed class DefaultMemberAttribute(string name) : Attribute { public string MemberName => name; }
}

namespace System.Diagnostics
{
    public sealed class DebuggableAttribute : Attribute
    {
        [Flags]
        public enum DebuggingModes { None = 0, Default = 1, IgnoreSymbolStoreSequencePoints = 2, EnableEditAndContinue = 4, DisableOptimizations = 256 }
        public DebuggableAttribute(DebuggingModes modes) => Modes = modes;
        public DebuggableAttribute(bool tracking, bool optimizerDisabled) { }
        public DebuggingModes Modes { get; }
    }

    public sealed class ConditionalAttribute(string condition) : Attribute { public string ConditionString => condition; }
}

namespace System.Diagnostics.CodeAnalysis
{
    public sealed class DoesNotReturnAttribute : Attribute;
    public sealed class DoesNotReturnIfAttribute(bool value) : Attribute { public bool ParameterValue => value; }
    public sealed class NotNullWhenAttribute(bool value) : Attribute { public bool ReturnValue => value; }
    public sealed class MaybeNullWhenAttribute(bool value) : Attribute { public bool ReturnValue => value; }
    public sealed class NotNullAttribute : Attribute;
    public sealed class AllowNullAttribute : Attribute;
    public sealed class MaybeNullAttribute : Attribute;
    public sealed class UnscopedRefAttribute : Attribute;
    public sealed class SetsRequiredMembersAttribute : Attribute;
}

namespace System.Runtime.CompilerServices
{
    public sealed class IntrinsicAttribute : Attribute;
    public sealed class IndexerNameAttribute(string name) : Attribute { public string Name => name; }
    public sealed class IsByRefLikeAttribute : Attribute;
    public sealed class IsReadOnlyAttribute : Attribute;
    public sealed class IsUnmanagedAttribute : Attribute;
    public sealed class ExtensionAttribute : Attribute;
    public sealed class ExtensionMarkerAttribute(string name) : Attribute { public string Name => name; }
    public sealed class CompilerGeneratedAttribute : Attribute;
    public sealed class UnsafeValueTypeAttribute : Attribute;
    public sealed class FixedBufferAttribute(Type elementType, int length) : Attribute { public Type ElementType => elementType; public int Length => length; }
    public sealed class InlineArrayAttribute(int length) : Attribute { public int Length => length; }
    public sealed class ScopedRefAttribute : Attribute;
    public sealed class RefSafetyRulesAttribute(int version) : Attribute { public int Version => version; }
    public sealed class ModuleInitializerAttribute : Attribute;
    public sealed class RequiredMemberAttribute : Attribute;
    public sealed class CompilerFeatureRequiredAttribute(string name) : Attribute { public string FeatureName => name; public bool IsOptional { get; set; } }
    public sealed class SkipLocalsInitAttribute : Attribute;
    public sealed class InterpolatedStringHandlerAttribute : Attribute;
    public sealed class CollectionBuilderAttribute(Type builder, string method) : Attribute { public Type BuilderType => builder; public string MethodName => method; }
    public sealed class InternalsVisibleToAttribute(string assembly) : Attribute { public string AssemblyName => assembly; }
    public sealed class CallerArgumentExpressionAttribute(string parameter) : Attribute { public string ParameterName => parameter; }
    public sealed class CallerLineNumberAttribute : Attribute;
    public sealed class CallerFilePathAttribute : Attribute;
    public sealed class CallerMemberNameAttribute : Attribute;
    public sealed class TupleElementNamesAttribute(string?[] names) : Attribute { public string?[] TransformNames => names; }
    public sealed class EagerStaticClassConstructionAttribute : Attribute;
    public static class IsVolatile;
    public static class IsExternalInit;
    public class CallConvCdecl;

    public sealed class InterpolatedStringHandlerArgumentAttribute : Attribute
    {
        public InterpolatedStringHandlerArgumentAttribute(string argument) => Arguments = [argument];
        public InterpolatedStringHandlerArgumentAttribute(params string[] arguments) => Arguments = arguments;
        public string[] Arguments { get; }
    }

    [Flags]
    public enum MethodImplOptions
    {
        NoInlining = 8, NoOptimization = 64, AggressiveInlining = 256, AggressiveOptimization = 512, InternalCall = 4096,
    }

    public sealed class MethodImplAttribute(MethodImplOptions options) : Attribute { public MethodImplOptions Value => options; }
}

namespace System.Runtime
{
    /// <summary>Gives a method a symbol that the linker sees.</summary>
    public sealed class RuntimeExportAttribute(string entryPoint) : Attribute { public string EntryPoint => entryPoint; }

    /// <summary>Binds an extern method to a symbol that another object file defines.</summary>
    public sealed class RuntimeImportAttribute : Attribute
    {
        public RuntimeImportAttribute(string entryPoint) => EntryPoint = entryPoint;
        public RuntimeImportAttribute(string library, string entryPoint) => (Library, EntryPoint) = (library, entryPoint);
        public string? Library { get; }
        public string EntryPoint { get; }
    }
}

namespace System.Runtime.InteropServices
{
    public enum LayoutKind { Sequential = 0, Explicit = 2, Auto = 3 }
    public enum UnmanagedType { Bool = 2 }

    public sealed class StructLayoutAttribute(LayoutKind kind) : Attribute
    {
        public LayoutKind Value => kind;
        public int Pack;
        public int Size;
    }

    public sealed class FieldOffsetAttribute(int offset) : Attribute { public int Value => offset; }
    public sealed class InAttribute : Attribute;
    public sealed class OutAttribute : Attribute;
    public sealed class DllImportAttribute(string library) : Attribute { public string Value => library; public string? EntryPoint; }
    public sealed class SuppressGCTransitionAttribute : Attribute;
    public sealed class UnmanagedCallersOnlyAttribute : Attribute { public string? EntryPoint; public Type[]? CallConvs; }

    public interface IDynamicInterfaceCastable
    {
        internal static nint GetDynamicInterfaceImplementation(IDynamicInterfaceCastable instance, Type type, ushort slot) =>
            throw new NotSupportedException("dynamic interface casts");
    }
}
