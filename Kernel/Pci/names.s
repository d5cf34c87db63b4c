; The table of names that names.awk makes of pci.ids, and the way to it for EmbeddedData.
bits 64
section .rodata
pci_names_start:
%include "names.inc"
pci_names_end:

section .text
global pci_names
pci_names:                              ; pci_names(int* bytes) -> start
        mov     dword [rdi], pci_names_end - pci_names_start
        lea     rax, [rel pci_names_start]
        ret
