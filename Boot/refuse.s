; Started in the kernel's place where GRUB finds a CPU without long mode (Boot/grub.cfg). The kernel asks for a framebuffer,
; so by its first instruction VGA text memory is not shown; this image does not ask, and GRUB leaves the screen to text.
; A flat binary, placed by the header's address tag. Source: Multiboot2 Specification 2.0, sections 3.1.3 to 3.1.6.

        bits 32
        org 0x200000
start:  dd 0xE85250D6, 0, header_end - start, -(0xE85250D6 + header_end - start)
        dw 2, 0                         ; where what is loaded
        dd 24, start, start, end, end + STACK
        dw 3, 0                         ; first instruction
        dd 12, entry
        align 8
        dw 0, 0
        dd 8
header_end:

STACK   equ 256

entry:  cli
        mov     esp, end + STACK
        mov     esi, no_long_mode
        jmp     stop

%include "stop.inc"
end:
