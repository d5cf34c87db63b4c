namespace System;

/// <summary>Something with an end that must be reached.</summary>
public interface IDisposable
{
    void Dispose();
}
