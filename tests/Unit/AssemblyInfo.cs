using Xunit;

// Much of the kernel is static, and so are its twins here.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
