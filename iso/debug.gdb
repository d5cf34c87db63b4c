# Run by `make debug` in the project's top folder: attaches to the waiting QEMU and stops at the first line of C#.
set confirm off
set pagination off
set disassembly-flavor intel
# The debug information names sources from the top of the project.
directory .
target remote out/gdb.sock

# On a line and not on the method: the line table begins after the prologue of the first method, which this is.
python
entry = int(gdb.parse_and_eval("(unsigned long)&kernel_main"))
lines = gdb.block_for_pc(entry).function.symtab.linetable()
gdb.execute("tbreak *%d" % min(row.pc for row in lines if row.pc >= entry), to_string=True)
end
continue
