#!/bin/bash
# run.sh dma|e1000e|i82557b|firewire|firewire-disk|firewire-ip [extra kernel arguments, e.g. swiotlb=force]
# firewire...: MODEL names the socket of a running controller model with a memory node, a disk, or a node that speaks IPv4 behind it; QEMU must be 10.1 or newer.
# Boots Debian's Linux under QEMU TCG with -icount, so the guest's TSC counts instructions, and prints BENCH lines.
# `iso/setup.sh linux` gets what it needs: a kernel with its headers, gcc, busybox-static, cpio.
set -euo pipefail
what=$1; shift
here=$(dirname "$(readlink -f "$0")")
source "$here/../machine.sh"
release=$(ls /lib/modules | sort -V | tail -1)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/root/{bin,proc,sys,dev}
cp /bin/busybox "$work/root/bin/"
shared=()
if [[ $what == dma || $what == firewire* ]]; then
  cp "$here"/{bench.c,firewire.c,served.c,sbp2-read.c,ip1394.c,Makefile} "$work/"
  make -s -C "/lib/modules/$release/build" M="$work" modules >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  cp "$work"/*.ko "$work/root/"; cp "$here/init-$what" "$work/root/init"
  devices=(-device edu -nic none)
fi
if [[ $what == firewire* ]]; then
  modules=(firewire-ohci)
  [ $what != firewire-ip ] || modules+=(firewire-net)
  [ $what != firewire-disk ] || modules+=(firewire-sbp2 sd_mod crc32c_generic)
  # In the order that they need each other in.
  for m in "${modules[@]}"; do modprobe -S "$release" --show-depends "$m" | awk '$1 == "insmod" {print $2}'; done | awk '!seen[$0]++' >"$work/needed"
  while read -r m; do cp "$m" "$work/root/"; basename "$m" .ko; done <"$work/needed" >"$work/root/modules"
  # A model outside QEMU answers in real time, so idle time must pass; of two -icount the last one counts.
  machine+=(-icount shift=0,sleep=on)
  shared=(-object memory-backend-memfd,id=ram,size=$memory,share=on -machine memory-backend=ram)
  devices=(-nic none -device "{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"$MODEL\"}}")
elif [ "$what" != dma ]; then
  for m in mii e1000e e100 pktgen; do cp "$(find "/lib/modules/$release" -name "$m.ko")" "$work/root/"; done
  cp "$here/init-net" "$work/root/init"
  devices=("${hub[@]//MODEL/$what}")
fi
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc 2>/dev/null | gzip) >"$work/initrd.gz"
timeout 300 "$here/../../../iso/qemu.sh" "${machine[@]}" -m "$memory" "${shared[@]}" -nographic \
  -kernel "/boot/vmlinuz-$release" -initrd "$work/initrd.gz" \
  -append "console=ttyS0 quiet mitigations=off nokaslr init_on_alloc=0 clocksource=tsc tsc=reliable lpj=1000000 card=${what/i82557b/i8255x} $*" \
  "${devices[@]}" </dev/null 2>/dev/null | grep -a -o 'BENCH.*' | tr -d '\r' |
  if [[ " $* " == *" swiotlb=force "* ]]; then sed -E 's/^(BENCH linux (dma-map|dma-sync|e1000e|i8255x)[^ ]*)/\1-bounced/'; else cat; fi |
  awk '!($3 in last) {order[n++]=$3} {last[$3]=$0} END {for (i=0;i<n;i++) print last[order[i]]}'  # warm-up rounds come first
