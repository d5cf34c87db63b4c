#!/bin/bash
# make-iso.sh [ELF [ISO]]: makes iso/sluice.iso of iso/sluice.elf.
#
# One image for CD and USB stick, BIOS and UEFI: an ISO 9660 file system with El Torito boot entries for both, a GRUB boot
# sector in front (BIOS from a stick) and an appended EFI system partition (UEFI from a stick). GRUB is put together of the
# modules below alone, so the image stays small. The same kernel gives the same bytes: all dates and ids come from
# SOURCE_DATE_EPOCH.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

elf=${1:-iso/sluice.elf} iso=${2:-iso/sluice.iso}
limit=$((8 << 20))                          # bytes; bigger means that something crept in
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600} TZ=UTC LC_ALL=C
grub=${GRUB_LIB:-/usr/lib/grub}

die() { echo "make-iso: $*" >&2; exit 1; }
[ -e "$elf" ] || die "$elf is not there; 'make iso' builds it"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/boot/grub"

objcopy --strip-all "$elf" "$root/boot/sluice.elf"
chmod 644 "$root/boot/sluice.elf"
cp Boot/grub.cfg "$root/boot/grub/grub.cfg"
nasm -f bin -I Boot/ -o "$root/boot/refuse.bin" Boot/refuse.s
for image in sluice.elf refuse.bin; do
  grub-file --is-x86-multiboot2 "$root/boot/$image" || die "$image has no multiboot2 header in its first 32 KiB"
done

# What GRUB runs before it knows where the image is: a disk may hold other systems, so it looks for the kernel.
cat >"$work/early.cfg" <<'CFG'
search --no-floppy --set=root --file /boot/sluice.elf
set prefix=($root)/boot/grub
CFG
modules=(normal configfile search search_fs_file iso9660 part_gpt part_msdos multiboot2 test smbios cpuid
  serial terminal reboot halt)
grub-mkimage -O i386-pc -d "$grub/i386-pc" -p /boot/grub -c "$work/early.cfg" -o "$work/core.img" \
  "${modules[@]}" biosdisk vbe vga
cat "$grub/i386-pc/cdboot.img" "$work/core.img" >"$root/boot/grub/bios.img"
grub-mkimage -O x86_64-efi -d "$grub/x86_64-efi" -p /boot/grub -c "$work/early.cfg" -o "$work/BOOTX64.EFI" \
  "${modules[@]}" fat efi_gop efi_uga

# The EFI system partition: FAT12, as large as its one file needs.
touch -d "@$SOURCE_DATE_EPOCH" "$work/BOOTX64.EFI"
sectors=$((($(stat -c %s "$work/BOOTX64.EFI") / 512 + 96 + 31) / 32 * 32))
mformat -C -i "$work/efi.img" -T "$sectors" -h 1 -s 32 -d 1 -v SLUICE -N 51c1ce00 ::
mmd -i "$work/efi.img" ::/EFI ::/EFI/BOOT
mcopy -m -i "$work/efi.img" "$work/BOOTX64.EFI" ::/EFI/BOOT/BOOTX64.EFI

find "$root" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
xorriso -as mkisofs -quiet -no-pad -o "$work/sluice.iso" -r -V SLUICE \
  -b boot/grub/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
  --grub2-mbr "$grub/i386-pc/boot_hybrid.img" --mbr-force-bootable -partition_offset 16 \
  -append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B "$work/efi.img" -appended_part_as_gpt \
  -iso_mbr_part_type EBD0A0A2-B9E5-4433-87C0-68B6B72699C7 \
  -eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot \
  "$root" 2>"$work/log" || { cat "$work/log" >&2; die "xorriso failed"; }

size=$(stat -c %s "$work/sluice.iso")
[ "$size" -le "$limit" ] || die "the image has $size bytes, more than $limit"
mv "$work/sluice.iso" "$iso"
echo "$iso: $((size / 1024)) KiB, kernel $(($(stat -c %s "$root/boot/sluice.elf") / 1024)) KiB"
