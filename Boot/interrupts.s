; Entry of exceptions and interrupts, and of panics from code: each builds one InterruptFrame (Kernel/Arch/InterruptFrame.cs).
; Source: Intel SDM volume 3, sections 6.12 to 6.14.
bits 64

%macro save_registers 0
        push    rax
        push    rcx
        push    rdx
        push    rbx
        push    rbp
        push    rsi
        push    rdi
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
%endmacro

section .text

; One stub a vector, 16 bytes each: an error code where the CPU pushes none, the vector, the common part.
align 16
global interrupt_stubs
interrupt_stubs:
%assign vector 0
%rep 256
        align 16, db 0xCC
    %if !(vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21 || vector = 29 || vector = 30)
        push    0
    %endif
        push    vector
        jmp     interrupt_common
    %assign vector vector + 1
%endrep

extern exception_entry
extern device_interrupt_entry
align 16
interrupt_common:
        cmp     qword [rsp + 16], asleep
        je      ..@end_sleep
..@enter:
        save_registers
        cld
        mov     rdi, rsp
        mov     rbx, rsp                ; kept by the callee; Kernel/Panic/Backtrace.cs finds the frame here
        and     rsp, -16
        sub     rsp, 512
        fxsave64 [rsp]                  ; compiled code uses XMM registers
        cmp     byte [rbx + 15 * 8], 32
        jae     ..@device_part
        call    exception_entry
global interrupt_return_from_exception
interrupt_return_from_exception:
        jmp     ..@leave
..@device_part:
        mov     rdi, [rbx + 15 * 8]
        call    device_interrupt_entry
global interrupt_return_from_device
interrupt_return_from_device:
..@leave:
        fxrstor64 [rsp]
        mov     rsp, rbx
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     r11
        pop     r10
        pop     r9
        pop     r8
        pop     rdi
        pop     rsi
        pop     rbp
        pop     rbx
        pop     rdx
        pop     rcx
        pop     rax
        add     rsp, 16
        iretq

; cpu_wait_for_interrupt: lets interrupts in and sleeps until one comes. A device's is not entered but returned, by its vector, with interrupts off as
; in a handler: a CPU that slept has nothing to be saved and restored.
global cpu_wait_for_interrupt
align 16
cpu_wait_for_interrupt:
        sti
        hlt                             ; sti holds interrupts off until hlt has begun
asleep:
        cli                             ; after anything else that returns
        xor     eax, eax
        ret
..@end_sleep:
        cmp     byte [rsp], 32
        jb      ..@enter
        movzx   eax, byte [rsp]         ; the vector
        mov     rsp, [rsp + 5 * 8]      ; that of cpu_wait_for_interrupt
        ret

; sluice_panic(text, length): the caller's registers become a frame with vector 256; never returns.
extern panic_entry
global sluice_panic
align 16
sluice_panic:
        cli
        push    rbp                     ; align as the CPU would; rewritten below
        mov     [rel panic_scratch], rax
        lea     rax, [rsp + 16]         ; caller's rsp after return
        push    16                      ; ss
        push    rax                     ; rsp
        pushfq
        push    8                       ; cs
        push    qword [rax - 8]         ; rip: the caller
        push    0                       ; error code
        push    256                     ; vector
        mov     rax, [rel panic_scratch]
        save_registers
        mov     rdx, rsi
        mov     rsi, rdi
        mov     rdi, rsp
        and     rsp, -16
        cld
        call    panic_entry
        ud2

section .bss
        alignb 8
panic_scratch: resq 1

section .text

; Probes: accesses that may fault. While one runs, probe_stack holds the stack to return on; the exception handler resumes at
; probe_failed. Result: 1 done, 0 faulted.
%macro probe 1
global %1
align 16
%1:
        push    rbp
        push    rbx
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [rel probe_stack], rsp
%endmacro

probe probe_read
        mov     al, [rdi]
        jmp     probe_done
probe probe_write
        mov     [rdi], sil
        jmp     probe_done
probe probe_execute
        call    rdi
        jmp     probe_done
probe_done:
        mov     eax, 1
        jmp     probe_leave
global probe_failed
probe_failed:
        mov     rsp, [rel probe_stack]
        xor     eax, eax
probe_leave:
        mov     qword [rel probe_stack], 0
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbx
        pop     rbp
        ret

; Addresses that C# asks for, in the order of Kernel/Arch/ImageLayout.cs.
global image_layout
align 16
image_layout:
        lea     rax, [rel layout]
        ret

section .bss
        alignb 8
probe_stack: resq 1

section .rodata
align 8
extern image_start, image_end, text_start, text_end, rodata_start, rodata_end, data_start
extern guard_boot, boot_stack_top, guard_fault, fault_stack_top, guard_nmi, nmi_stack_top, guard_panic, panic_stack_top
extern code_map_start, code_map_end, modules_start, modules_end
layout: dq image_start, image_end, text_start, text_end, rodata_start, rodata_end, data_start
        dq guard_boot, boot_stack_top, guard_fault, fault_stack_top, guard_nmi, nmi_stack_top, guard_panic, panic_stack_top
        dq code_map_start, code_map_end, modules_start, modules_end
        dq interrupt_stubs, probe_failed, probe_stack, interrupt_return_from_exception, interrupt_return_from_device
