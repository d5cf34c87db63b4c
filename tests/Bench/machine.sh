# Sourced: the machine that Sluice and Linux are measured on. Counting instructions makes every run give the same figures.
# `sleep=off`: an idle guest jumps to its next timer.
machine=(-machine q35 -cpu "qemu64,+ssse3,+sse4.2,+popcnt,+fsgsbase" -icount shift=0,sleep=off -no-reboot)
memory=2G
# Two cards of a model on one hub.
hub=(-netdev hubport,id=a,hubid=0 -device "MODEL,netdev=a,mac=52:54:00:00:00:01"
  -netdev hubport,id=b,hubid=0 -device "MODEL,netdev=b,mac=52:54:00:00:00:02")
