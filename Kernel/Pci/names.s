; The table of names out of pci.ids (PciNameTable.cs), and the way to it for EmbeddedData.
bits 64
section .rodata
pci_names_start:
incbin "pci-names.bin"
pci_names_end:

section .text
global pci_names
pci_names:                              ; pci_names(int* bytes) -> start
        mov     dword [rdi], pci_names_end - pci_names_start
        lea     rax, [rel pci_names_start]
        ret
