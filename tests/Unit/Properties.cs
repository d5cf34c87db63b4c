using System;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Sluice.Tests;

/// <summary>
/// Properties that hold for all inputs, tried on generated ones. The seed is fixed, so every run tries the same;
/// SLUICE_SEED=random or a number tries others, and a failure says which it was.
/// </summary>
public static class Properties
{
    private const ulong DefaultSeed = 0x5EED_51_1CE;

    /// <summary>Tries a property, which throws where it does not hold; a failing input is made as small as possible.</summary>
    public static void ForAll<T>(Gen<T> inputs, Action<T> property, int times = 200) =>
        ForAll(inputs.ToArbitrary(), property, times);

    /// <summary>Tries a property on inputs that know how to become smaller.</summary>
    public static void ForAll<T>(Arbitrary<T> inputs, Action<T> property, int times = 200)
    {
        ulong seed = Environment.GetEnvironmentVariable("SLUICE_SEED") switch
        {
            null or "" => DefaultSeed,
            "random" => (ulong)Random.Shared.NextInt64(),
            string text => ulong.Parse(text),
        };
        TestContext.Current.TestOutputHelper?.WriteLine($"SLUICE_SEED={seed}, {times} inputs");
        Config config = Config.QuickThrowOnFailure.WithMaxTest(times).WithQuietOnSuccess(true).WithReplay(seed, 0x9E37_79B9_7F4A_7C15);
        try
        {
            Check.One(config, Prop.ForAll(inputs, input =>
            {
                property(input);
                return true;
            }));
        }
        catch (Exception failure)
        {
            throw new Xunit.Sdk.XunitException($"SLUICE_SEED={seed}: {failure.Message}", failure);
        }
    }
}
