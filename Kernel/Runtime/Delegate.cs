namespace System;

/// <summary>A method and the object it is called on. Names of fields and methods are the compiler's.</summary>
public abstract unsafe class Delegate
{
    // A call passes _firstParameter first and jumps to _functionPointer.
    internal object? _firstParameter;
    internal object? _helperObject;
    internal nint _extraFunctionPointerOrData;
    internal nint _functionPointer;

    // A method of an object.
    private void InitializeClosedInstance(object? firstParameter, nint functionPointer)
    {
        if (firstParameter is null)
            Internal.Runtime.CompilerHelpers.ThrowHelpers.ThrowNullReferenceException();
        _functionPointer = functionPointer;
        _firstParameter = firstParameter;
    }

    // A method of an interface that an object has.
    private void InitializeClosedInstanceToInterface(object? firstParameter, nint dispatchCell)
    {
        if (firstParameter is null)
            Internal.Runtime.CompilerHelpers.ThrowHelpers.ThrowNullReferenceException();
        _functionPointer = Internal.Runtime.InterfaceDispatch.Resolve(firstParameter, (Internal.Runtime.DispatchCell*)dispatchCell, 0);
        _firstParameter = firstParameter;
    }

    // A static method whose first parameter is given now (extension methods of classes).
    private void InitializeClosedStaticThunk(object? firstParameter, nint functionPointer, nint functionPointerThunk)
    {
        _extraFunctionPointerOrData = functionPointer;
        _helperObject = firstParameter;
        _functionPointer = functionPointerThunk;
        _firstParameter = this;
    }

    // A static method: the thunk drops the delegate it is handed first, and finds the method in it.
    private void InitializeOpenStaticThunk(object? firstParameter, nint functionPointer, nint functionPointerThunk)
    {
        _firstParameter = this;
        _functionPointer = functionPointerThunk;
        _extraFunctionPointerOrData = functionPointer;
    }
}

/// <summary>Base of delegate types. One target only: nothing here combines delegates.</summary>
public abstract class MulticastDelegate : Delegate;
