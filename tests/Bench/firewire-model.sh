#!/bin/bash
# firewire-model.sh: measures the FireWire model, in process and as Linux in QEMU sees it, and prints a table with the bars
# (tests/Bench/firewire-bars). The figures are in out/bench-firewire-model.txt too. The status is 1 when a bar is missed.
#
# These are times, not instructions: what else the machine does matters, so its load is printed first.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

mkdir -p out
figures=out/bench-firewire-model.txt log=out/bench-firewire-model.log
echo "bench: the load of this machine's $(nproc) processors before: $(cut -d' ' -f1-3 /proc/loadavg)" >&2
dotnet exec tests/FireWire/bin/Debug/net10.0/Sluice.Tests.FireWire.dll -class Sluice.Tests.FireWire.Bench.BenchTests -explicit only \
  -showLiveOutput -noColor -noLogo >$log 2>&1 || { cat $log >&2; exit 1; }
grep '^BENCH firewire-model ' $log >$figures || { echo "bench: nothing was measured; see $log" >&2; exit 1; }
echo "bench: the load after: $(cut -d' ' -f1-3 /proc/loadavg)" >&2

awk '
  function show(value) { return value == "" ? "" : value < 1000 ? sprintf("%.2f", value) : sprintf("%d", value) }
  FILENAME ~ /bars$/ { if (NF == 3 && $1 !~ /^#/) { kind[$1] = $2; bar[$1] = $3 }; next }
  { value[$3] = $4; names[n++] = $3 }
  END {
    format = "%-36s %12s %16s %s\n"
    printf format, "FireWire model", "figure", "bar", ""
    for (i = 0; i < n; i++) {
      name = names[i]; verdict = ""
      if (name in bar) {
        verdict = (kind[name] == "<=" ? value[name] <= bar[name] : value[name] >= bar[name]) ? "ok" : "MISSED"
        if (verdict != "ok") missed++
      }
      printf format, name, show(value[name]), name in bar ? kind[name] " " show(bar[name]) : "", verdict
    }
    for (name in bar) if (!(name in value)) { printf format, name, "", kind[name] " " show(bar[name]), "not measured"; missed++ }
    exit missed > 0
  }' tests/Bench/firewire-bars $figures
