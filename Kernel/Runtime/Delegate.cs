namespace System;

/// <summary>A method and the object it is called on. Field names are the compiler's.</summary>
public abstract class Delegate
{
    internal object? m_firstParameter;
    internal object? m_helperObject;
    internal nint m_extraFunctionPointerOrData;
    internal nint m_functionPointer;

    private void InitializeClosedInstance(object firstParameter, nint functionPointer)
    {
        m_functionPointer = functionPointer;
        m_firstParameter = firstParameter;
    }

    private void InitializeOpenStaticThunk(object firstParameter, nint functionPointer, nint functionPointerThunk)
    {
        // The thunk finds the method behind the delegate it is handed as first parameter.
        m_firstParameter = this;
        m_functionPointer = functionPointerThunk;
        m_extraFunctionPointerOrData = functionPointer;
    }
}

/// <summary>Base of delegate types. One target only: nothing here combines delegates.</summary>
public abstract class MulticastDelegate : Delegate;
