#!/bin/bash
# flash.sh [--dry-run] [--image FILE] [--max-gib N] /dev/disk/by-id/usb-...: writes iso/sluice.iso to a USB stick.
#
# A wrong disk is somebody's data, so everything has to fit: the disk is named by an id that does not change with the order of
# plugging, it is a whole disk, removable, on USB, writable, not larger than a cap, and neither it nor anything on it is in
# use. Then it shows what the disk calls itself, and its serial number has to be typed. What was written is read back and
# compared. --dry-run stops before the question.
#
# SLUICE_FLASH_ROOT names a folder with made-up sys, dev and proc, where a disk is a plain file: for tests.
set -euo pipefail

root=${SLUICE_FLASH_ROOT:-}
image=$(dirname "$(readlink -f "$0")")/sluice.iso
max_gib=128 dry= link=

usage() { echo "usage: flash.sh [--dry-run] [--image FILE] [--max-gib N] /dev/disk/by-id/usb-..." >&2; exit 2; }
refuse() { echo "flash: refused: $*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=1 ;;
    --image) image=${2:?}; shift ;;
    --max-gib) max_gib=${2:?}; shift ;;
    -*) usage ;;
    *) [ -z "$link" ] || usage; link=$1 ;;
  esac
  shift
done

# The sticks that are plugged in, by their stable names.
sticks() {
  local id found=
  for id in "$root"/dev/disk/by-id/usb-*; do
    if [[ -L $id && $id != *-part+([0-9]) ]]; then
      echo "  ${id#"$root"}  ($(basename "$(readlink -f "$id")"))"
      found=1
    fi
  done
  [ -n "$found" ] || echo "  no USB disk is plugged in"
}

if [ -z "$link" ]; then
  echo "flash: which stick? make flash DEV=/dev/disk/by-id/usb-..., of:" >&2
  sticks >&2
  exit 2
fi
[ -s "$image" ] || refuse "$image is not there; 'make iso' builds it"
[[ $max_gib == +([0-9]) ]] || usage

# Prints a file of sysfs without the padding that models and serials come with; nothing when it is not there.
attribute() { [ ! -r "$1" ] || tr -d '\0' <"$1" | sed 's/^ *//; s/ *$//'; }

# Every name under which the kernel knows the disk and what is on it: sdb, sdb1, ...
parts() {
  local part
  echo "$name"
  for part in "$block"/*/partition; do
    [ ! -e "$part" ] || basename "$(dirname "$part")"
  done
}

# Refuses unless the disk is what it should be; sets what the question shows.
examine() {
  [[ $link == /dev/disk/by-id/* && $link != *..* ]] ||
    refuse "$link is no stable name (one under /dev/disk/by-id), of:"$'\n'"$(sticks)"
  [ -L "$root$link" ] || refuse "$link is not there"
  device=$(readlink -f "$root$link")
  name=$(basename "$device")
  block=$(readlink -f "$root/sys/class/block/$name") || refuse "the kernel knows no disk $name"
  [ -d "$block" ] || refuse "the kernel knows no disk $name"
  [ ! -e "$block/partition" ] || refuse "$link is a partition; give the whole disk"
  [ -b "$device" ] || [[ -n $root && -f $device ]] || refuse "$device is no disk"

  [[ $block == */usb+([0-9])/* ]] || refuse "$name is not on USB"
  [ "$(attribute "$block/removable")" = 1 ] || refuse "$name does not say that it is removable"
  [ "$(attribute "$block/ro")" = 0 ] || refuse "$name is write-protected"

  bytes=$(($(attribute "$block/size") * 512))            # sysfs counts in sectors of 512 bytes, whatever the disk's are
  [ "$bytes" -gt 0 ] || refuse "$name holds no medium"
  [ "$bytes" -ge "$(stat -c %s "$image")" ] || refuse "$name is too small: $bytes bytes"
  [ "$bytes" -le $((max_gib << 30)) ] || refuse "$name has $((bytes >> 30)) GiB, more than $max_gib; is it a stick? --max-gib raises the limit"

  local part number used
  for part in $(parts); do
    number=$(attribute "$root/sys/class/block/$part/dev")
    # By number, and by name for file systems that have a number of their own (btrfs).
    used=$(awk -v number="$number" -v name="/dev/$part" '
      { for (i = 7; i < NF && $i != "-"; i++); if ($3 == number || $(i + 2) == name) print $5 }' "$root/proc/self/mountinfo" | sort -u | tr '\n' ' ')
    [ -z "$used" ] || refuse "$part is mounted: $used"
    ! grep -qs "^/dev/$part[[:space:]]" "$root/proc/swaps" || refuse "$part is swap space"
    used=$(find "$root/sys/class/block/$part/holders" -mindepth 1 -printf '%f ' 2>/dev/null) || used=
    [ -z "$used" ] || refuse "$part is part of $used"
  done

  model="$(attribute "$block/device/vendor") $(attribute "$block/device/model")"
  # The folder above the disk that has USB ids is the stick itself; beyond it are hubs with serial numbers of their own.
  local folder=$block
  until [ -e "$folder/idVendor" ] || [ "$folder" = / ]; do folder=$(dirname "$folder"); done
  serial=$(attribute "$folder/serial")
}

# Needs no root where the user may write the disk; sudo is asked for writing alone.
on_disk() { if [ -w "$device" ]; then "$@"; else sudo "$@"; fi; }

examine
size=$(stat -c %s "$image")
cat <<TEXT
image:   $image, $((size / 1024)) KiB
disk:    $link
         $name, $model, $((bytes / 1000 / 1000)) MB, serial ${serial:-unknown}
TEXT
if [ -n "$dry" ]; then
  echo "dry run: nothing was written"
  exit 0
fi

shown="$device $serial $bytes"
what="serial number" expected=$serial
[ -n "$serial" ] || what="name ($name)" expected=$name
echo "All that is on this disk will be lost. Type its $what to go on."
read -r -p "> " typed || typed=
[ "$typed" = "$expected" ] || refuse "that is not its $what; nothing was written"
examine                                                  # it may have been swapped meanwhile
[ "$device $serial $bytes" = "$shown" ] || refuse "another disk is there now; nothing was written"

progress=none
[ ! -t 2 ] || progress=progress
echo "writing"
on_disk dd if="$image" of="$device" bs=1M conv=fsync,notrunc status=$progress
echo "comparing"
direct=()
[ ! -b "$device" ] || direct=(iflag=direct)              # from the stick, not from memory
blocks=$(((size + (1 << 20) - 1) >> 20))
on_disk dd if="$device" bs=1M count=$blocks "${direct[@]}" status=$progress |
  { cmp -n "$size" - "$image" && cat >/dev/null; } ||      # whole blocks are read, so the last one has a rest
  { echo "flash: what was read back differs from the image: the stick is broken" >&2; exit 1; }
echo "done: $((size / 1024)) KiB written and compared; the stick can be unplugged"
