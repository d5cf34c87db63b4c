# Sourced: the machine that Sluice and Linux are measured on. Counting instructions makes every run give the same figures.
# `sleep=off`: an idle guest jumps to its next timer.
machine=(-machine q35 -cpu "qemu64,+ssse3,+sse4.2,+popcnt,+fsgsbase" -icount shift=0,sleep=off -no-reboot)
memory=2G
