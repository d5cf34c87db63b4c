; From the boot loader (multiboot2: 32-bit, paging off) to the first line of C#.
; Source: Multiboot2 Specification 2.0, sections 3.1 and 3.3; Intel SDM volume 3, section 10.8.5.

KERNEL_BASE   equ 0xFFFFFFFF80000000    ; virtual minus physical address of the image
DIRECT_MAP    equ 0xFFFF800000000000
MULTIBOOT     equ 0x36D76289

%define PHYS(symbol) ((symbol) - KERNEL_BASE)

bits 32
section .boot.header align=8
header:
        dd 0xE85250D6, 0, header_end - header, -(0xE85250D6 + header_end - header)
        align 8
        dw 5, 1                         ; a framebuffer, if there is one
        dd 20, 1280, 800, 32
        align 8
        dw 6, 0                         ; modules on page boundaries
        dd 8
        align 8
        dw 0, 0
        dd 8
header_end:

section .boot.text exec
global _start
_start:
        cli
        cld
        mov     ebp, eax                ; boot loader's magic
        mov     edi, ebx                ; its information
        mov     esp, boot_stack_low_top
        rdtsc
        push    edx
        push    eax
        mov     esi, no_loader
        cmp     ebp, MULTIBOOT
        jne     stop
        mov     esi, no_long_mode
        mov     eax, 0x80000000
        cpuid
        cmp     eax, 0x80000001
        jb      stop
        mov     eax, 0x80000001
        cpuid
        bt      edx, 29
        jnc     stop

        ; The low 4 GiB in 2 MiB pages, seen at 0, in the direct map and (1 GiB of it) where the image is linked.
        ; The kernel builds the real tables from here.
        mov     ecx, 0
.page:  mov     eax, ecx
        shl     eax, 21
        or      eax, 0x83
        mov     [PHYS(early_directories) + ecx * 8], eax
        inc     ecx
        cmp     ecx, 4 * 512
        jb      .page
        mov     eax, PHYS(early_directories) + 3
        mov     ecx, 0
.table: mov     [PHYS(early_low) + ecx * 8], eax
        add     eax, 4096
        inc     ecx
        cmp     ecx, 4
        jb      .table
        mov     dword [PHYS(early_high) + 510 * 8], PHYS(early_directories) + 3
        mov     eax, PHYS(early_low) + 3
        mov     [PHYS(early_top)], eax
        mov     [PHYS(early_top) + 256 * 8], eax
        mov     dword [PHYS(early_top) + 511 * 8], PHYS(early_high) + 3

        mov     eax, cr4
        or      eax, (1 << 5) | (1 << 9) | (1 << 10)    ; PAE, OSFXSR, OSXMMEXCPT
        mov     cr4, eax
        mov     eax, PHYS(early_top)
        mov     cr3, eax
        mov     ecx, 0xC0000080
        rdmsr
        or      eax, 1 << 8                             ; EFER.LME
        wrmsr
        mov     eax, cr0
        and     eax, ~((1 << 2) | (1 << 3))             ; EM, TS: let SSE be used
        or      eax, (1 << 31) | (1 << 16) | (1 << 5) | (1 << 1)   ; PG, WP, NE, MP
        mov     cr0, eax
        lgdt    [early_gdtr]
        pop     eax
        pop     edx
        jmp     8:long_mode

%include "stop.inc"

no_loader:      db "Sluice: not started by a multiboot2 boot loader", 0

bits 64
long_mode:
        shl     rdx, 32
        or      rdx, rax
        mov     rsi, rdx                ; time stamp at entry
        mov     rax, high
        jmp     rax

        align 8
early_gdt:
        dq 0, 0x00AF9A000000FFFF, 0x00CF92000000FFFF
early_gdtr:
        dw $ - early_gdt - 1
        dd early_gdt

section .boot.bss nobits
        resb 256
boot_stack_low_top:

section .text
extern kernel_main
extern boot_stack_top
high:   mov     ax, 16
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        xor     eax, eax
        mov     fs, ax
        mov     gs, ax
        mov     rsp, boot_stack_top
        xor     ebp, ebp                ; ends every backtrace
        mov     rax, 0x9E3779B97F4A7C15 ; stack canary: differs from boot to boot
        imul    rax, rsi
        xor     al, al
        mov     [__security_cookie], rax
        mov     edi, edi                ; boot information: 32-bit physical address, in rdi; time stamp in rsi
        call    kernel_main
        ud2

section .data
        align 8
global __security_cookie
__security_cookie: dq 0

section .bss nobits align=4096
early_top:         resb 4096
early_low:         resb 4096
early_high:        resb 4096
early_directories: resb 4 * 4096
