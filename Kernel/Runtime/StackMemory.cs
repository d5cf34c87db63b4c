using System.Runtime.CompilerServices;

// In every assembly of the kernel: memory on the stack is not cleared before it is used. The compiler sees to it that locals are
// assigned first; what stackalloc gives holds anything. A method that builds messages would clear a quarter of a kilobyte for each.
[module: SkipLocalsInit]
