; Instructions that C# has no words for. System V calling convention: rdi, rsi, rdx, rcx; result in rax.
bits 64
section .text

%macro leaf 1
global %1
align 16
%1:
%endmacro

leaf port_in8
        mov     edx, edi
        xor     eax, eax
        in      al, dx
        ret
leaf port_in16
        mov     edx, edi
        xor     eax, eax
        in      ax, dx
        ret
leaf port_in32
        mov     edx, edi
        in      eax, dx
        ret
leaf port_out8
        mov     edx, edi
        mov     eax, esi
        out     dx, al
        ret
leaf port_out16
        mov     edx, edi
        mov     eax, esi
        out     dx, ax
        ret
leaf port_out32
        mov     edx, edi
        mov     eax, esi
        out     dx, eax
        ret

leaf cpu_fence_stores
        sfence
        ret
leaf cpu_pause
        pause
        ret
leaf cpu_timestamp
        lfence                          ; earlier instructions are done before the reading
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        ret
leaf cpu_id                             ; first field of the per-CPU block, see Kernel/Arch/PerCpu.cs
        mov     eax, [gs:0]
        ret
leaf cpu_disable_interrupts
        pushfq
        pop     rax
        cli
        shr     eax, 9
        and     eax, 1
        ret
leaf cpu_enable_interrupts
        sti
        ret
leaf cpu_halt
        cli
        hlt
        jmp     cpu_halt

; The sum of rsi 64-bit words (at least one) from rdi on, each carry added to the next. Rows of 32; the first row begins where it leaves
; out as many as are too many. Nothing between two additions touches the carry.
leaf cpu_add_words
        mov     ecx, esi
        neg     ecx
        and     ecx, 31
        lea     rdx, [rel .row]
        lea     rdx, [rdx + rcx * 4]    ; an addition has four bytes
        shl     ecx, 3
        sub     rdi, rcx
        sub     rdi, -128
        add     rsi, 31
        shr     rsi, 5
        xor     eax, eax
        jmp     rdx
.row:
%assign word -128
%rep 32
        adc     rax, [byte rdi + word]
%assign word word + 8
%endrep
        lea     rdi, [rdi + 256]
        dec     rsi
        jnz     .row
        adc     rax, 0
        ret

leaf cpu_read_msr
        mov     ecx, edi
        rdmsr
        shl     rdx, 32
        or      rax, rdx
        ret
leaf cpu_write_msr
        mov     ecx, edi
        mov     eax, esi
        mov     rdx, rsi
        shr     rdx, 32
        wrmsr
        ret
leaf cpu_read_cr0
        mov     rax, cr0
        ret
leaf cpu_write_cr0
        mov     cr0, rdi
        ret
leaf cpu_read_cr2
        mov     rax, cr2
        ret
leaf cpu_read_cr3
        mov     rax, cr3
        ret
leaf cpu_write_cr3
        mov     cr3, rdi
        ret
leaf cpu_read_cr4
        mov     rax, cr4
        ret
leaf cpu_write_cr4
        mov     cr4, rdi
        ret
leaf cpu_invalidate_page
        invlpg  [rdi]
        ret
leaf cpu_flush_line
        clflush [rdi]
        ret
leaf cpu_fence_all
        mfence
        ret
leaf cpu_flush_caches
        wbinvd
        ret
; cpu_identify(leaf, subleaf, uint* eax_ebx_ecx_edx)
leaf cpu_identify
        mov     r8, rdx
        mov     r9, rbx
        mov     eax, edi
        mov     ecx, esi
        cpuid
        mov     [r8], eax
        mov     [r8 + 4], ebx
        mov     [r8 + 8], ecx
        mov     [r8 + 12], edx
        mov     rbx, r9
        ret
leaf cpu_load_interrupt_table           ; (descriptor: limit, base)
        lidt    [rdi]
        ret
; cpu_load_segments(descriptor, code selector, data selector, task selector)
leaf cpu_load_segments
        lgdt    [rdi]
        mov     ds, dx
        mov     es, dx
        mov     ss, dx
        pop     rax
        push    rsi
        push    rax
        ltr     cx
        retfq
