# From `nm -n` of the first link to assembly source of the symbol table that Kernel/Panic/SymbolTable.cs reads.
# ILC's names are Assembly_Namespace_Type__Method; shown is Namespace.Type.Method without the assembly and the root namespace.
function readable(symbol) {
    if (!sub(/^Sluice_(Kernel|Drivers|Pci|Mm|Platform|Runtime)_/, "", symbol)) return symbol
    sub(/^Sluice_/, "", symbol)
    sub(/_[0-9]+$/, "", symbol)
    gsub(/__+/, ".", symbol)
    gsub(/_/, ".", symbol)
    return symbol
}
$2 ~ /^[tT]$/ && length($1) == 16 && substr($1, 1, 8) == "ffffffff" && $3 !~ /\./ {
    address = substr($1, 9)
    if (address == last) {                      # an export and the method behind it: the method's name says more
        if ($3 ~ /^Sluice_/) name[count] = readable($3)
        next
    }
    last = address
    place[++count] = address
    name[count] = readable($3)
}

# What a name has in common with the one before: methods of a type lie together.
function common(name, before,    same) {
    while (same < length(before) && substr(name, same + 1, 1) == substr(before, same + 1, 1)) same++
    return same + 0
}
END {
    print "section .symbols progbits alloc noexec nowrite align=8"
    print "dd 0x" place[1] " - 0x80000000"
    for (i = 1; i <= count; i++) {
        name[i] = substr(name[i], 1, 200)
        shared = common(name[i], name[i - 1])
        print "dw 0x" place[i] " - 0x" (i == 1 ? place[1] : place[i - 1])
        print "db " shared ", \"" substr(name[i], shared + 1) "\", 0"
    }
}
