# Sourced: start_model KIND... starts the FireWire controller's model with a node of each kind; $socket is its controller's. It ends with the script.
# A disk has 64 MiB.
start_model() {
  local model=tests/FireWireModel/bin/Debug/net10.0/Sluice.FireWireModel.dll
  local kind nodes=()
  model_folder=$(mktemp -d)
  truncate -s 64M "$model_folder/disk"
  for kind; do nodes+=(--node "$kind,name=$kind$([ "$kind" != disk ] || echo ",image=$model_folder/disk")"); done
  socket=$model_folder/controller
  setpriv --pdeathsig TERM dotnet exec $model --controller "$socket,name=host" "${nodes[@]}" </dev/null >out/bench-firewire.log 2>&1 &
  model_pid=$!
  trap 'kill $model_pid 2>/dev/null; rm -rf "$model_folder"' EXIT
  for _ in {1..200}; do
    [ -S "$socket" ] && return 0
    sleep 0.05
  done
  echo "bench: the FireWire model did not start; see out/bench-firewire.log" >&2
  return 1
}
stop_model() {
  kill $model_pid 2>/dev/null || true
  wait $model_pid 2>/dev/null || true
  rm -rf "$model_folder"
  trap - EXIT
}
