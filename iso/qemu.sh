#!/bin/bash
# The one place that knows which QEMU to call and where its firmware is.
#
#   iso/qemu.sh ARGS...            becomes QEMU (exec: the pid stays) with ARGS
#   iso/qemu.sh --firmware         prints the path of OVMF's code, for -drive if=pflash,unit=0,readonly=on
#   iso/qemu.sh --firmware-vars    prints the path of OVMF's empty variable store; copy it before use
#   iso/qemu.sh --which            prints the QEMU that is called
#
# In this order: the binary that SLUICE_QEMU names, the one that get-qemu.sh unpacked, the machine's own.
set -euo pipefail

unpacked=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/qemu

if [ -n "${SLUICE_QEMU:-}" ]; then
  qemu=("$SLUICE_QEMU") share=/usr/share
elif [ -e "$unpacked/usr/bin/qemu-system-x86_64" ]; then
  # Built for another release of Debian, so it comes with its own loader, libraries and ROMs.
  lib=$unpacked/usr/lib/x86_64-linux-gnu share=$unpacked/usr/share
  qemu=("$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$unpacked/usr/bin/qemu-system-x86_64"
    -L "$share/qemu" -L "$share/seabios" -L "$unpacked/usr/lib/ipxe/qemu")
  export QEMU_MODULE_DIR=$lib/qemu
else
  qemu=(qemu-system-x86_64) share=/usr/share
fi

# Prints the first of the files that exists.
firmware() {
  local file
  for file; do
    [ -e "$file" ] && { echo "$file"; return; }
  done
  echo "qemu.sh: no OVMF firmware found; iso/setup.sh gets it (Debian package ovmf)" >&2
  exit 1
}

case "${1:-}" in
  --firmware) firmware "$share"/OVMF/OVMF_CODE{_4M,}.fd /usr/share/OVMF/OVMF_CODE{_4M,}.fd ;;
  --firmware-vars) firmware "$share"/OVMF/OVMF_VARS{_4M,}.fd /usr/share/OVMF/OVMF_VARS{_4M,}.fd ;;
  --which) echo "${qemu[*]}" ;;
  *)
    if ! command -v "${qemu[0]}" >/dev/null; then
      echo "qemu.sh: ${qemu[0]} not found; iso/setup.sh gets QEMU (Debian package qemu-system-x86)" >&2
      exit 127
    fi
    exec "${qemu[@]}" "$@"
    ;;
esac
