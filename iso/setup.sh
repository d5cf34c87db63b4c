#!/bin/bash
# setup.sh [linux | network]: gets what building, running and testing need; every make target calls it.
#
# Looks for the tools themselves, not for packages, so that hand-made installations count. Installs what is missing with apt
# (sudo when not root), unpacks a newer QEMU into the user's cache when the machine's own lacks vfio-user-pci, and restores
# the NuGet packages. When nothing is missing it says nothing and takes a fraction of a second.
# `network` adds what some network tests need, and skip without: tshark, ping, arping, iproute2.
# `linux` adds what `make bench-linux` and `make test-firewire-model` need: Debian's kernel with headers, a compiler, busybox, and
# what uses FireWire.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}
say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# One line each: Debian package, and the file or command that shows it is there.
tools='
  nasm              nasm
  lld               ld.lld
  binutils          objcopy
  grub-common       grub-mkimage
  grub-pc-bin       /usr/lib/grub/i386-pc/multiboot2.mod
  grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/multiboot2.mod
  xorriso           xorriso
  mtools            mcopy
  gdb               gdb
  fonts-terminus-otb /usr/share/fonts/opentype/terminus/terminus-bold.otb
  pci.ids           /usr/share/misc/pci.ids
'
own_qemu='
  qemu-system-x86   qemu-system-x86_64
  seabios           /usr/share/seabios/bios-256k.bin
  ovmf              /usr/share/OVMF/OVMF_VARS_4M.fd
'
linux='
  linux-image-amd64   /boot/vmlinuz-*-amd64
  linux-headers-amd64 /lib/modules/*-amd64/build/Makefile
  gcc               gcc
  busybox-static    /bin/busybox
  cpio              cpio
  libdc1394-dev     /usr/include/dc1394/dc1394.h
  libraw1394-tools  testlibraw
  dvgrab            dvgrab
  dnsmasq-base      /usr/sbin/dnsmasq
'

network='
  tshark            tshark
  iputils-ping      ping
  iputils-arping    arping
  iproute2          ip
'

# Prints the packages of a list whose file or command is not there.
missing() {
  local package sign
  while read -r package sign; do
    [ -n "$package" ] || continue
    case $sign in
      /*) compgen -G "$sign" >/dev/null || echo "$package" ;;
      *) command -v "$sign" >/dev/null || echo "$package" ;;
    esac
  done <<<"$1"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Runs a command silently, but for a sign of life every ten seconds; its output is shown only when it fails.
quietly() {
  local log status=0 job fifths=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null &
  job=$!
  while kill -0 $job 2>/dev/null; do
    sleep 0.2
    fifths=$((fifths + 1))
    [ $((fifths % 50)) != 0 ] || say "... $((fifths / 5)) s: $(tail -n 1 "$log" | cut -c1-100)"
  done
  wait $job || status=$?
  [ $status = 0 ] || tail -n 20 "$log" >&2
  rm -f "$log"
  return $status
}

install() {
  [ $# -gt 0 ] || return 0
  say "missing: $*"
  command -v apt-get >/dev/null || die "this machine has no apt; install the packages above (Debian's names) with its own package manager"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "neither root nor sudo; as root run: apt-get install $*"
  [ "$(id -u)" = 0 ] || sudo -v           # asks for the password here, where it can be seen
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends)
  if ! apt-cache show --no-all-versions "$@" >/dev/null 2>&1; then
    say "updating apt's package lists"
    quietly as_root apt-get -q update || say "apt-get update failed; trying with the lists that are there"
  fi
  say "installing them with apt"
  quietly as_root "${get[@]}" install "$@" && return
  say "again, with fresh package lists"         # a stale list names versions that the mirror no longer has
  quietly as_root apt-get -q update && quietly as_root "${get[@]}" install "$@" ||
    die "apt could not install: $*; see above, then run: sudo apt-get install $*"
}

dotnet_sdk() {
  command -v dotnet >/dev/null ||
    die "the .NET 10 SDK is missing; get it from https://dotnet.microsoft.com/download/dotnet/10.0 (Ubuntu: apt-get install dotnet-sdk-10.0)"
  dotnet --version >/dev/null 2>&1 ||
    die "no .NET SDK that global.json accepts (10.0); there is: $(dotnet --list-sdks | tr '\n' ' '); get one from https://dotnet.microsoft.com/download/dotnet/10.0"
}

qemu_has_vfio_user() { "$@" -device vfio-user-pci,help >/dev/null 2>&1; }

# Only the emulated FireWire controller needs vfio-user, and all else goes without: a line of warning, once a day, and no error.
qemu() {
  [ -z "${SLUICE_QEMU:-}" ] || return 0
  [ ! -e "$cache/qemu/usr/bin/qemu-system-x86_64" ] || return 0
  if [ ! -e /usr/share/OVMF/OVMF_VARS_4M.fd ] || ! qemu_has_vfio_user qemu-system-x86_64; then
    if [ -z "$(find "$cache/no-newer-qemu" -mtime -1 2>/dev/null)" ]; then
      say "no QEMU with vfio-user-pci here; unpacking a newer one into $cache/qemu (170 MB, about 20 seconds)"
      mkdir -p "$cache"
      if iso/get-qemu.sh "$cache/qemu"; then rm -f "$cache/no-newer-qemu"; return 0; fi
      touch "$cache/no-newer-qemu"
      say "going on with the machine's own QEMU: all works but an emulated FireWire controller"
    fi
  fi
  # shellcheck disable=SC2046
  install $(missing "$own_qemu")
}

# Restores when a project or a package version is newer than the last restore.
nuget() {
  local stamp=out/restored
  if [ -e "$stamp" ] && [ -e Kernel/obj/project.assets.json ] &&
    [ -z "$(find Kernel Drivers Mm tests ./*.sln ./*.props ./*.json -newer "$stamp" \
      \( -name '*.csproj' -o -name '*.props' -o -name '*.sln' -o -name global.json -o -name packages.lock.json \) \
      -not -path '*/obj/*' -print -quit)" ]; then
    return
  fi
  say "restoring NuGet packages"
  quietly dotnet restore Kernel.sln --nologo -v q ||
    die "NuGet could not restore (see above); is a package source reachable? 'dotnet nuget list source' shows which"
  mkdir -p out
  touch "$stamp"
}

dotnet_sdk
# shellcheck disable=SC2046
install $(missing "$tools" && if [ "${1:-}" = linux ]; then missing "$linux"; elif [ "${1:-}" = network ]; then missing "$network"; fi)
qemu
nuget
