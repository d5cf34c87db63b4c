# Run by `make debug` in the project's top folder: attaches to the waiting QEMU and stops at the first line of C#.
set confirm off
set pagination off
set disassembly-flavor intel
# The debug information names sources from the top of the project.
directory .
target remote out/gdb.sock

# On the first line behind the prologue. By the line table at the address: all methods claim to be declared in the first file.
python
entry = int(gdb.parse_and_eval("(unsigned long)&kernel_main"))
lines = gdb.find_pc_line(entry).symtab.linetable()
gdb.execute("tbreak *%d" % min(row.pc for row in lines if row.pc > entry), to_string=True)
end
continue
