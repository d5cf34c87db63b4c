using System;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>A 32-bit register that can be read and written.</summary>
public readonly struct Register<TBits>(RegisterBlock block, uint offset) where TBits : unmanaged
{
    public TBits Read() => Unsafe.BitCast<uint, TBits>(block.Read32(offset));

    public void Write(TBits bits) => block.Write32(offset, Unsafe.BitCast<TBits, uint>(bits));
}

/// <summary>A 32-bit register that writing does not change, or must not.</summary>
public readonly struct ReadOnlyRegister<TBits>(RegisterBlock block, uint offset) where TBits : unmanaged
{
    public TBits Read() => Unsafe.BitCast<uint, TBits>(block.Read32(offset));
}

/// <summary>A 32-bit register that takes commands; what it reads as means nothing.</summary>
public readonly struct WriteOnlyRegister<TBits>(RegisterBlock block, uint offset) where TBits : unmanaged
{
    public void Write(TBits bits) => block.Write32(offset, Unsafe.BitCast<TBits, uint>(bits));
}
