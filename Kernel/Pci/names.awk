# Turns pci.ids (Debian's package of that name) and names.txt (what it lacks) into the list of names that the kernel has.
#
#   awk -f names.awk names.txt /usr/share/misc/pci.ids >names.list
#
# The kernel has to stay small, so this is a choice: all classes and subclasses; vendors with several devices; of the devices
# those that emulators have, FireWire, network and the chipset parts that people meet in their machines. A device that is not
# listed shows with its vendor, class and numbers.
#
# Each line is a kind, a number in hexadecimal, and a name: "class" with base and subclass, or base and ff for the base itself;
# "vendor"; "device" of the vendor before. The build's tool packs them (Kernel/Build/PciNameList.cs).

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

END {
    for (i = 1; i <= classes; i++)
        print "class " class_code[i] " " class_name[i]
    for (id = 0; id < 65535; id++) {
        if (!(id in vendors))
            continue
        vendor = vendors[id]
        if (!(vendor in devices) && total[vendor] < 8)
            continue
        print "vendor " vendor " " vendor_name[vendor]
        n = split(devices[vendor], list, " ")
        for (i = 1; i <= n; i++)
            print "device " list[i] " " device_name[vendor, list[i]]
    }
}
