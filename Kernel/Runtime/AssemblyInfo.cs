using System.Runtime.CompilerServices;

// The self-tests try what several CPUs would do to the bookkeeping of static constructors.
[assembly: InternalsVisibleTo("Sluice.Kernel")]
