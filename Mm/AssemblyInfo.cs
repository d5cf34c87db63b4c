using System.Runtime.CompilerServices;

// Registers of functions become addresses for other devices there; drivers only ask for it.
[assembly: InternalsVisibleTo("Sluice.Pci")]
