namespace System;

/// <summary>What a <c>throw</c> names. Nothing catches: a throw is a panic with this text.</summary>
public class Exception
{
    public Exception() => Message = "exception";

    public Exception(string message) => Message = message;

    /// <summary>Why it was thrown.</summary>
    public string Message { get; }
}

public class SystemException(string message) : Exception(message);
public sealed class NullReferenceException() : SystemException("null reference");
public sealed class IndexOutOfRangeException() : SystemException("index out of range");
public sealed class OverflowException() : SystemException("arithmetic overflow");
public sealed class DivideByZeroException() : SystemException("divide by zero");
public sealed class InvalidCastException() : SystemException("invalid cast");
public sealed class ArrayTypeMismatchException() : SystemException("array type mismatch");
public class ArgumentException(string message) : SystemException(message);
public sealed class ArgumentNullException(string message) : ArgumentException(message);
public sealed class ArgumentOutOfRangeException(string message) : ArgumentException(message);
public sealed class InvalidOperationException(string message) : SystemException(message);
public sealed class NotSupportedException(string message) : SystemException(message)
{
    /// <summary>The C# compiler asks for this one wherever there are extension members.</summary>
    public NotSupportedException() : this("not supported")
    {
    }
}
