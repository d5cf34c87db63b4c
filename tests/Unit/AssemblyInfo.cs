using Xunit;

// Much of the kernel is static, and so are its twins here.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

// Drivers rewritten by the mutation tests use what the layer keeps to itself, as their tests do.
[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("Sluice.Tests.Mutants")]
