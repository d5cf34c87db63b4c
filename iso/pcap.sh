#!/bin/bash
# pcap.sh [RESULTS]: the packets that the shell's `pcap on` recorded, as a pcap file on standard output.
# RESULTS is what the results channel wrote; out/ktap.txt, where `make run` puts it, if left out. The last recording counts.
#   iso/pcap.sh >packets.pcap && tshark -r packets.pcap
set -euo pipefail
results=${1:-$(dirname "$(readlink -f "$0")")/../out/ktap.txt}
[ ! -t 1 ] || { echo "pcap.sh: a pcap file is nothing for a terminal; redirect it" >&2; exit 2; }

# Each recording begins with pcap's magic number, and no other line does.
first=$(grep -an '^PCAP 1MOyoQIABA' "$results" | tail -n 1 | cut -d: -f1)
[ -n "$first" ] || { echo "pcap.sh: nothing was recorded in $results" >&2; exit 1; }
tail -n "+$first" "$results" | sed -n 's/^PCAP //p' | tr -d '\n' | base64 -d
