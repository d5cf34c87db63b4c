#!/bin/bash
# bench.sh: boots iso/sluice.iso, which measures itself, and prints `BENCH sluice NAME VALUE`, in instructions per operation.
# The lines are in out/bench.txt too; what the kernel said while it ran is in out/bench.log.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
source tests/Bench/machine.sh
source tests/Bench/model.sh
mkdir -p out
: >out/bench.log
: >out/bench.txt

# measure GLOB MEMORY [ARGUMENTS [WORD...]]: one boot, with further boot arguments, and words for QEMU; prints the lines that come on the
# debug console.
measure() {
  local status=0 arguments="net=none bench=$1 after=exit ${3:-}"
  rm -f out/bench.results
  timeout 300 iso/qemu.sh "${machine[@]}" -m "$2" -nodefaults -vga std -display none -device edu "${@:4}" \
    -drive if=none,id=cd,media=cdrom,format=raw,readonly=on,file=iso/sluice.iso -device ide-cd,drive=cd \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -debugcon file:out/bench.results -serial stdio \
    -fw_cfg "name=opt/org.sluice/args,string=$arguments" </dev/null >>out/bench.log 2>&1 || status=$?
  # isa-debug-exit: 33 is success.
  [ $status = 33 ] || { echo "bench: QEMU ended with status $status; see out/bench.log" >&2; tail -n 15 out/bench.log >&2; exit 1; }
  grep -a '^BENCH sluice ' out/bench.results || { echo "bench: the kernel measured nothing for '$1'" >&2; exit 1; }
}

{
  measure '*' $memory | grep -v ' boot-to-prompt '
  for size in 512M 20G; do
    measure boot-to-prompt $size | sed "s/ boot-to-prompt / boot-to-prompt-$size /"
  done
  for bounce in '' dma=bounce; do
    measure 'e1000e-*' $memory "$bounce" "${hub[@]//MODEL/e1000e}"
    measure 'i8255x-*' $memory "$bounce" "${hub[@]//MODEL/i82557b}"
  done
  # A model outside QEMU answers in real time, so idle time must pass; of two -icount the last one counts.
  for what in 'firewire-* memory camera echo' 'sbp2-* disk' 'ip1394-* ip'; do
    read -ra words <<<"$what"
    start_model "${words[@]:1}"
    measure "${words[0]}" $memory '' -icount shift=0,sleep=on \
      -object "memory-backend-memfd,id=ram,size=$memory,share=on" -machine memory-backend=ram \
      -device "{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"$socket\"}}"
    stop_model
  done
  stripped=$(mktemp)
  objcopy --strip-all iso/sluice.elf "$stripped"
  echo "BENCH sluice kernel-bytes $(stat -c %s "$stripped")"
  rm -f "$stripped"
} | tee out/bench.txt
