; What compiled code calls by symbol and C# has no words for. Registers: System V, and beyond that what each note says.
bits 64
section .text

%macro export 1
global %1
align 16
%1:
%endmacro

; Stores of object references: there is no collector to tell.
export RhpAssignRef
        mov     [rdi], rsi
        ret
export RhpCheckedAssignRef
        mov     [rdi], rsi
        ret
export RhpByRefAssignRef                ; copies a reference and moves both pointers on; keeps all but rcx
        mov     rcx, [rsi]
        mov     [rdi], rcx
        add     rsi, 8
        add     rdi, 8
        ret

; A frame of more than a page, down to r11, is about to be taken: touches each page, so that a guard page is not
; jumped over. Keeps all but rax.
export RhpStackProbe
        mov     rax, rsp
.page:  sub     rax, 4096
        test    [rax], eax
        cmp     rax, r11
        ja      .page
        ret

; A call through an interface: r11 is the call site's cell, rdi the receiver, other registers may hold arguments.
; At first the cell names this:
export RhpInitialDynamicInterfaceDispatch
        cmp     [rdi], al               ; null is found here, not inside the search
        jmp     resolve

; and later this. Layouts: DispatchTable in Kernel/Runtime/Compiler/DispatchTable.cs; the hash is in the method table.
export interface_dispatch
        mov     rax, [rdi]
        mov     r10, [r11 + 8]
        mov     r11d, [rax + 20]
        and     r11d, [r10]
        cmp     rax, [r10 + r11 + 32]
        jne     .next
        jmp     [r10 + r11 + 40]
.next:  cmp     qword [r10 + r11 + 32], 0
        je      .miss
        add     r11d, 16
        and     r11d, [r10]
        cmp     rax, [r10 + r11 + 32]
        jne     .next
        jmp     [r10 + r11 + 40]
.miss:  mov     r11, [r10 + 16]

resolve:
        push    rbp
        mov     rbp, rsp
        push    rdi
        push    rsi
        push    rdx
        push    rcx
        push    r8
        push    r9
        sub     rsp, 128
%assign n 0
%rep 8
        movups  [rsp + n * 16], xmm %+ n
%assign n n + 1
%endrep
        mov     rsi, r11
        lea     rdx, [rel interface_dispatch]
        extern  interface_dispatch_resolve
        call    interface_dispatch_resolve
%assign n 0
%rep 8
        movups  xmm %+ n, [rsp + n * 16]
%assign n n + 1
%endrep
        add     rsp, 128
        pop     r9
        pop     r8
        pop     rcx
        pop     rdx
        pop     rsi
        pop     rdi
        pop     rbp
        jmp     rax

; The CPU's APIC number: 32 bits of it where leaf 0Bh has them (Intel SDM volume 2, CPUID), else 8.
export runtime_cpu_number
        mov     r8, rbx
        xor     eax, eax
        cpuid
        cmp     eax, 0x0B
        jb      .short
        mov     eax, 0x0B
        xor     ecx, ecx
        cpuid
        test    ebx, ebx
        jz      .short
        mov     eax, edx
        mov     rbx, r8
        ret
.short: mov     eax, 1
        cpuid
        mov     eax, ebx
        shr     eax, 24
        mov     rbx, r8
        ret

; Where the linker put the pointers to module headers.
extern modules_start
extern modules_end
export runtime_modules_start
        lea     rax, [rel modules_start]
        ret
export runtime_modules_end
        lea     rax, [rel modules_end]
        ret
