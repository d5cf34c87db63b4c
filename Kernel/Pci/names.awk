# Turns pci.ids (Debian's package of that name) and names.txt (what it lacks) into the kernel's table of names, as data for nasm.
#
#   awk -f names.awk names.txt /usr/share/misc/pci.ids >names.inc
#
# The kernel has to stay small, so this is a choice: all classes and subclasses; vendors with several devices; of the devices
# those that emulators have, FireWire, network and the chipset parts that people meet in their machines. A device that is not
# listed shows with its vendor, class and numbers.
#
# Format, read by PciNameTable.cs; numbers are 16 bits, little-endian:
#   bytes of the word table, words | end of each word in the text of words | text of words
#   bytes of the class list | per class: base << 8 | subclass, or base << 8 | 0xFF for the base itself; text
#   per vendor, ascending: id | bytes of its device list | text | per device: id, text
#   65535
# Text: 0 ends it; 0x20 to 0x7E stand for themselves; 0x80 and above for word 0 to 127; 1 to 31 with the next byte for word
# 128 + (first - 1) * 256 + next. Words carry the blank that follows them.

BEGIN {
    hex = "0123456789abcdef"
    emulated = " 1234 1b36 1af4 15ad 1013 "                             # QEMU, Red Hat, VMware, Cirrus
    network = " 8086 10ec 14e4 11ab 1011 1022 1106 100b 10b7 10de 1969 15b3 1d6a "
    whole = " 104c 1180 11c1 "                                          # mostly FireWire and its companions
    chipset = "^(82371|82441|82[GQP]3[135]|82801|6300ESB|440FX|7500/5520/5500/X58 I/O Hub PCI Express Root|QEMU)"
    chipset = chipset "|Series Chipset.*(LPC|SMBus|SATA|AHCI|USB|HD Audio|High Definition|PCI Express Root Port #1$)"
    chipset = chipset "|(Point|Lake)(-| ).*(LPC|eSPI|SMBus|SATA|USB|Audio|PCI Express Root Port #1$)"
}

function number(text,    i, n) {
    n = 0
    for (i = 1; i <= length(text); i++)
        n = n * 16 + index(hex, substr(text, i, 1)) - 1
    return n
}

function is_wanted(vendor, name) {
    if (index(emulated whole, " " vendor " "))
        return 1
    if (name ~ /1394|FireWire/)
        return 1
    if (index(network, " " vendor " ") && name ~ /Ethernet|Gigabit|Network Connection|Fast LAN|Tulip/ && name !~ /Virtual Function|Bridge|Xeon|vNIC/)
        return 1
    return vendor == "8086" && name ~ chipset && name !~ /Xeon|Atom|Mobile Express/
}

# A name as it will be shown: ASCII, without what only fills the line.
function tidy(name) {
    gsub(/[^ -~]+/, "?", name)
    gsub(/ *\((rev|prog-if) [^)]*\)| Corporation$|,? (Inc|Ltd|LTD|Corp|CORP|GmbH|AG|LLC)\.?$|,? Co\.?,?$/, "", name)
    gsub(/,? (Inc|Ltd|LTD|Corp|Co)[.,]*$/, "", name)
    return substr(name, 1, 80)
}

/^#/ || /^[ \t]*$/ || /^\t\t/ { next }

FNR == 1 { vendor = "" }

/^C / { vendor = "class"; class_base = substr($0, 3, 2); add_class(class_base "ff", substr($0, 7)); next }
vendor == "class" && /^\t/ { add_class(class_base substr($0, 2, 2), substr($0, 6)); next }

/^\t/ {
    device = substr($0, 2, 4)
    total[vendor]++
    if (is_wanted(vendor, substr($0, 8)) && !((vendor, device) in device_name)) {
        device_name[vendor, device] = tidy(substr($0, 8))
        devices[vendor] = devices[vendor] " " device
    }
    next
}

/^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]  / {
    vendor = substr($0, 1, 4)
    if (!(vendor in vendor_name)) {
        vendor_name[vendor] = tidy(substr($0, 7))
        vendors[number(vendor)] = vendor
    }
}

function add_class(code, name) {
    class_code[++classes] = code
    class_name[classes] = tidy(name)
}

# Counts the words of a name that will be in the table.
function count_words(name,    word) {
    while (match(name, /^[^ ]* ?/) && RLENGTH > 0) {
        word = substr(name, 1, RLENGTH)
        name = substr(name, RLENGTH + 1)
        count[word]++
    }
}

# Gives the words that save most their short codes.
function choose_words(    word, best, saved, i) {
    words = 0
    for (i = 0; i < 128; i++) {
        best = ""
        for (word in count) {
            saved = count[word] * (length(word) - 1) - length(word) - 2
            if (!(word in code) && saved > 0 && (best == "" || saved > most || (saved == most && word < best))) {
                best = word
                most = saved
            }
        }
        if (best == "")
            return
        code[best] = words
        text[words++] = best
    }
    # The order of `for in` differs between implementations of awk; that of first use does not.
    for (i = 1; i <= seen; i++) {
        word = first_use[i]
        if (!(word in code) && words < 128 + 31 * 256 && count[word] * (length(word) - 2) > length(word) + 2) {
            code[word] = words
            text[words++] = word
        }
    }
}

function note_order(name,    word) {
    while (match(name, /^[^ ]* ?/) && RLENGTH > 0) {
        word = substr(name, 1, RLENGTH)
        name = substr(name, RLENGTH + 1)
        if (!(word in noted)) {
            noted[word] = 1
            first_use[++seen] = word
        }
    }
}

# A literal for nasm; backquotes would be escapes, so a quote is written as its number.
function literal(text,    i, c, out, open) {
    out = ""
    open = 0
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "'") {
            out = out (open ? "'," : "") "39,"
            open = 0
        } else {
            out = out (open ? "" : "'") c
            open = 1
        }
    }
    return out (open ? "'," : "")
}

function encoded(name,    word, out, n) {
    out = ""
    while (match(name, /^[^ ]* ?/) && RLENGTH > 0) {
        word = substr(name, 1, RLENGTH)
        name = substr(name, RLENGTH + 1)
        if (!(word in code))
            out = out literal(word)
        else if (code[word] < 128)
            out = out (code[word] + 128) ","
        else {
            n = code[word] - 128
            out = out (int(n / 256) + 1) "," (n % 256) ","
        }
    }
    return "db " out "0"
}

END {
    kept = 0
    for (id = 0; id < 65535; id++) {
        if (!(id in vendors))
            continue
        vendor = vendors[id]
        if (!(vendor in devices) && total[vendor] < 8)
            continue
        order[++kept] = vendor
    }
    for (i = 1; i <= classes; i++) {
        count_words(class_name[i]); note_order(class_name[i])
    }
    for (v = 1; v <= kept; v++) {
        count_words(vendor_name[order[v]]); note_order(vendor_name[order[v]])
        n = split(devices[order[v]], list, " ")
        for (i = 1; i <= n; i++) {
            count_words(device_name[order[v], list[i]]); note_order(device_name[order[v], list[i]])
        }
    }
    choose_words()

    print "; Made from pci.ids by names.awk."
    print "words: dw words_end - words, " words
    end = 0
    for (i = 0; i < words; i++) {
        end += length(text[i])
        print "dw " end
    }
    for (i = 0; i < words; i++)
        print "db " literal(text[i]) "\"\""
    print "words_end:"
    print "classes: dw classes_end - classes"
    for (i = 1; i <= classes; i++) {
        print "dw 0x" class_code[i]
        print encoded(class_name[i])
    }
    print "classes_end:"
    for (v = 1; v <= kept; v++) {
        vendor = order[v]
        print "dw 0x" vendor ", v" vendor "_end - v" vendor
        print encoded(vendor_name[vendor])
        print "v" vendor ":"
        n = split(devices[vendor], list, " ")
        for (i = 1; i <= n; i++) {
            print "dw 0x" list[i]
            print encoded(device_name[vendor, list[i]])
        }
        print "v" vendor "_end:"
    }
    print "dw 0xFFFF"
}
