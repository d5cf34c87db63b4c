#!/bin/bash
# build.sh PROJECT: builds a project or the solution. A terminal sees progress; else there is output only when it fails.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

echo "build: $1"
[ ! -t 1 ] || exec dotnet build --nologo -v q "$1"
status=0
log=$(dotnet build --nologo -v q "$1" 2>&1) || status=$?
[ $status = 0 ] || echo "$log"
exit $status
