#!/bin/bash
# compare.sh: measures Sluice and Linux on the same machine and prints a table: both, their ratio, and the bar (tests/Bench/bars).
# The status is 1 when a bar is missed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
source tests/Bench/model.sh

echo "bench: Sluice" >&2
tests/Bench/bench.sh >/dev/null
echo "bench: Linux (a few minutes)" >&2
{
  tests/Bench/linux-peer/run.sh dma
  for card in e1000e i82557b; do
    tests/Bench/linux-peer/run.sh $card
    tests/Bench/linux-peer/run.sh $card swiotlb=force
  done
  start_model memory camera echo
  MODEL=$socket tests/Bench/linux-peer/run.sh firewire
  stop_model
  start_model disk
  MODEL=$socket tests/Bench/linux-peer/run.sh firewire-disk
  stop_model
  start_model ip
  MODEL=$socket tests/Bench/linux-peer/run.sh firewire-ip
  stop_model
} >out/bench-linux.txt
[ -s out/bench-linux.txt ] || { echo "bench: Linux did not boot or did not measure" >&2; exit 1; }

awk '
  function show(value) { return value == "" ? "" : value < 1000 ? sprintf("%.2f", value) : sprintf("%d", value) }
  $1 == "BENCH" && $2 == "linux" { linux[$3] = $4; if (!($3 in seen)) { seen[$3]; names[n++] = $3 } }
  $1 == "BENCH" && $2 == "sluice" { ours[$3] = $4; if (!($3 in seen)) { seen[$3]; names[n++] = $3 } }
  FILENAME ~ /bars$/ && NF == 2 && $1 !~ /^#/ {
    bar[$1] = $2
    if (!($1 in seen)) { seen[$1]; names[n++] = $1 }
    if (split($1, parts, "/") == 2 && ours[parts[2]] > 0) ours[$1] = ours[parts[1]] / ours[parts[2]]
  }
  END {
    format = "%-44s %12s %12s %8s %12s %s\n"
    printf format, "instructions per operation", "Linux", "Sluice", "ratio", "bar", ""
    for (i = 0; i < n; i++) {
      name = names[i]; ratio = ""; verdict = ""
      if (name in linux && name in ours && ours[name] > 0) ratio = sprintf("%.1f", linux[name] / ours[name])
      if (name in bar) {
        verdict = !(name in ours) ? "not measured" : ours[name] <= bar[name] ? "ok" : "MISSED"
        if (verdict != "ok") missed++
      }
      printf format, name, show(linux[name]), show(ours[name]), ratio, show(bar[name]), verdict
    }
    exit missed > 0
  }' out/bench-linux.txt out/bench.txt tests/Bench/bars
