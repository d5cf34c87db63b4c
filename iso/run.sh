#!/bin/bash
# run.sh [--gdb | --gdb-port N]: boots iso/sluice.iso in QEMU with a few emulated devices.
#
# From a terminal: the serial console is the terminal, the self-tests run, then the shell; Ctrl-A X ends QEMU.
# Else: the self-tests run and their outcome is the exit status: 0 all passed, 1 some failed, 2 panic.
# --gdb: QEMU waits before the first instruction, and gdb runs in the terminal; the console is a socket and a log in out/.
# --gdb-port N: QEMU waits likewise, for a debugger that connects to the port (VS Code does).
# The results (KTAP) go to out/ktap.txt. Environment: ARGS (more boot arguments), FIRMWARE (bios, uefi), MEMORY, CPU, QEMU_ARGS.
# Without a debugger there is a FireWire controller, too, when QEMU has vfio-user-pci (10.1 or newer) and the model is built (make run
# builds it): a process beside QEMU, whose log is out/firewire.log. FIREWIRE=off leaves it out.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

mode=run port=
case "${1:-}" in
  --gdb) mode=gdb ;;
  --gdb-port) mode=wait port=${2:?port missing} ;;
  '') [ -t 0 ] || mode=batch ;;
  *) echo "usage: run.sh [--gdb | --gdb-port N]" >&2; exit 2 ;;
esac
# What there is to fetch by TFTP, and what a FireWire disk begins with.
mkdir -p out/tftp
[ -e out/tftp/16M ] || head -c 16777216 /dev/urandom >out/tftp/16M
[ -e out/disk ] || cp out/tftp/16M out/disk
: >out/ktap.txt

arguments="serial=colour test=* after=shell"
[ "$mode" != batch ] || arguments="test=* after=exit"
[ ! -t 1 ] || arguments="$arguments serial=colour"
case $mode in gdb | wait) arguments= ;; esac        # a debugger's breakpoints are for what its user does
arguments="$arguments${ARGS:+ $ARGS}"

machine=(-nodefaults -machine q35 -cpu "${CPU:-max}" -m "${MEMORY:-512M}" -vga std
  -drive if=none,id=cd,media=cdrom,format=raw,readonly=on,file=iso/sluice.iso -device ide-cd,drive=cd,bootindex=0
  -debugcon file:out/ktap.txt)
[ -z "$arguments" ] || machine+=(-fw_cfg "name=opt/org.sluice/args,string=${arguments//,/,,}")
# Devices to find: behind a bridge and on the root bus, with MSI-X, with MSI and with INTx alone.
machine+=(-device pcie-root-port,id=slot1,chassis=1
  -netdev user,id=a,tftp=out/tftp -device e1000e,netdev=a,bus=slot1
  -netdev user,id=b,tftp=out/tftp,net=10.0.3.0/24 -device i82557b,netdev=b,mac=52:54:00:12:34:57
  -blockdev null-co,node-name=empty,size=67108864,read-zeroes=on -device nvme,drive=empty,serial=empty
  -device edu)
if [ "${FIRMWARE:-bios}" = uefi ]; then
  machine+=(-drive "if=pflash,unit=0,format=raw,readonly=on,file=$(iso/qemu.sh --firmware)"
    -drive "if=pflash,unit=1,format=raw,snapshot=on,file=$(iso/qemu.sh --firmware-vars)")
fi

# A FireWire bus with a controller, a memory node, a peer that writes back what it gets, a disk, a camera and a camcorder. It is a child of this process, which becomes QEMU or waits for
# it, and the system ends it when its parent ends, however that was; setsid: signals of the terminal are for QEMU.
model=tests/FireWireModel/bin/Debug/net10.0/Sluice.FireWireModel.dll firewire=
start_firewire() {
  [ "${FIREWIRE:-on}" != off ] || return 0
  [ -e $model ] || { echo "run: no FireWire controller, as its model is not built ('make run' does that)" >&2; return 0; }
  command -v setpriv >/dev/null || { echo "run: no FireWire controller, as setpriv is missing (Debian package util-linux)" >&2; return 0; }
  local socket=out/firewire-$$.sock
  setpriv --pdeathsig TERM setsid dotnet exec $model --controller $socket,name=host --node memory,name=memory --node echo,name=echo \
    --node disk,name=disk,image=out/disk --node camera,name=camera --node camcorder,name=camcorder </dev/null >out/firewire.log 2>&1 &
  firewire=$!
  if ! iso/qemu.sh -device vfio-user-pci,help >/dev/null 2>&1; then
    echo "run: no FireWire controller, as this QEMU has no vfio-user-pci (10.1 and newer have)" >&2
    stop_firewire
    return 0
  fi
  for _ in {1..200}; do
    if [ -S $socket ]; then
      # The model reaches the guest's memory by sharing it; without a unit, sizes of machines are MiB.
      local size=${MEMORY:-512M}
      size=${size%%,*}
      case $size in *[!0-9]*) ;; *) size=${size}M ;; esac
      machine+=(-object "memory-backend-memfd,id=ram,size=$size,share=on" -machine memory-backend=ram
        -device "{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"$socket\"}}")
      return 0
    fi
    kill -0 $firewire 2>/dev/null || break
    sleep 0.05
  done
  echo "run: no FireWire controller, as its model did not start; see out/firewire.log" >&2
  stop_firewire
}
stop_firewire() {
  [ -n "$firewire" ] || return 0
  kill $firewire 2>/dev/null || true
  wait $firewire 2>/dev/null || true
  firewire=
}
case $mode in run | batch) start_firewire ;; esac

# A window when there is a desktop and a QEMU that can draw on it; the unpacked QEMU comes without.
display=none
if [ "$mode" != batch ] && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  for qemu in "${SLUICE_QEMU:-}" qemu-system-x86_64; do
    for kind in gtk sdl; do
      if [ "$display" = none ] && SLUICE_QEMU=$qemu iso/qemu.sh -display help 2>/dev/null | grep -qx "$kind"; then
        display=$kind
        export SLUICE_QEMU=$qemu
      fi
    done
  done
  [ "$display" != none ] || echo "run: no window, as no QEMU here can draw one (Debian package qemu-system-gui)" >&2
fi
machine+=(-display "$display")

# shellcheck disable=SC2206
machine+=(${QEMU_ARGS:-})

case $mode in
  run)
    # Without isa-debug-exit: a person decides when the machine goes.
    echo "run: the console is this terminal; 'help' lists the shell's commands, Ctrl-A X ends QEMU" >&2
    echo "run: 'tftp 10.0.2.2 16M' fetches out/tftp/16M, whose SHA-256 is $(sha256sum <out/tftp/16M | cut -d' ' -f1)" >&2
    echo "run: 'fw disk read' reads out/disk, 'fw test NODE' the memory of another node of the FireWire bus" >&2
    exec iso/qemu.sh "${machine[@]}" -serial mon:stdio
    ;;
  batch)
    status=0
    timeout --foreground 300 iso/qemu.sh "${machine[@]}" -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot \
      -serial stdio </dev/null || status=$?
    stop_firewire
    # QEMU's status is twice what the kernel wrote to isa-debug-exit, plus 1.
    case $status in
      33) exit 0 ;;
      35) echo "run: self-tests failed; see out/ktap.txt" >&2; exit 1 ;;
      37) echo "run: the kernel panicked; its report is above" >&2; exit 2 ;;
      124) echo "run: no end within 300 seconds; the kernel hangs or waits" >&2 ;;
      0) echo "run: the machine was switched off or reset before the self-tests were done" >&2; status=3 ;;
      *) echo "run: QEMU ended with status $status, which the kernel never gives" >&2 ;;
    esac
    exit $status
    ;;
  wait)
    # One that an earlier session left behind would hold the port.
    if left=$(cat out/qemu.pid 2>/dev/null) && grep -qs sluice.iso "/proc/$left/cmdline"; then
      kill "$left"
      sleep 0.5
    fi
    iso/qemu.sh "${machine[@]}" -serial file:out/console.log -gdb "tcp:127.0.0.1:$port" -S \
      -pidfile "$PWD/out/qemu.pid" -daemonize
    echo "run: QEMU waits for a debugger at localhost:$port; the console is out/console.log"
    ;;
  gdb)
    rm -f out/gdb.sock out/console.sock
    # setsid: Ctrl-C in gdb stops the guest and must not end QEMU.
    setsid iso/qemu.sh "${machine[@]}" -S -chardev socket,id=gdb,path=out/gdb.sock,server=on,wait=off -gdb chardev:gdb \
      -chardev socket,id=console,path=out/console.sock,server=on,wait=off,logfile=out/console.log -serial chardev:console \
      </dev/null >out/qemu.log 2>&1 &
    qemu=$!
    trap 'kill $qemu 2>/dev/null' EXIT
    for _ in {1..50}; do
      [ -S out/gdb.sock ] && break
      kill -0 $qemu 2>/dev/null || { cat out/qemu.log >&2; exit 1; }
      sleep 0.1
    done
    echo "debug: the console is in out/console.log; to type: socat -,raw,echo=0,escape=29 UNIX:out/console.sock (Ctrl-] ends)"
    gdb -q -x iso/debug.gdb iso/sluice.elf
    ;;
esac
