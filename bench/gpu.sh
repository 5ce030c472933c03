#!/usr/bin/env bash
# What a GPU of this host makes of the product, in one call of less than 8 minutes after the build:
# ceilings, kernels, local mode and fleets on W1, W2 and W3 (bench/gpu_workloads.h), each figure
# with its bound, beside PyTorch on the same workloads where it is installed. The table comes last;
# logs and JSON are under $OUT, or build/gpu.
# Usage: bench/gpu.sh [--bin DIR] [--budget SECONDS]
#   --bin DIR         a build folder, or what bench/pack_gpu made
#   --budget SECONDS  of all parts together
# Exit codes: 0 all was measured, SHORT of its target or not; 1 not all was; 77 there is no GPU.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$here/bench/gpu_binaries"
bin=""
budget=450
while (($# > 0)); do
  case $1 in
    --bin) bin=${2:?--bin needs a folder}; shift 2 ;;
    --budget) budget=${2:?--budget needs seconds}; shift 2 ;;
    *) sed -n '2,10s/^# //p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
need_gpu "nothing was measured"
find_binaries "$here" "$bin" rubato-bench-gpu
out=${OUT:-$here/build/gpu}
mkdir -p "$out"
rm -f "$out/torch.json" "$out/torch.log" "$out/bench.log"
baseline=()
set_budget "$budget"
part "PyTorch" 150 "$out/torch.log" env PYTHONUNBUFFERED=1 \
  python3 "$here/bench/torch_baseline.py" --out "$out/torch.json" || true
tail -n 12 "$out/torch.log"
if [[ -s $out/torch.json ]]; then baseline=(--baseline "$out/torch.json"); fi
code=0
part "rubato-bench-gpu" 300 "$out/bench.log" "$binaries/bin/rubato-bench-gpu" \
  --json "$out/bench.json" "${baseline[@]}" || code=1
printf '%s\n' "${summary[@]}"
grep -hE 'mean loss|could not be measured' "$out/bench.log" || true
# A bench that was stopped has no table: then what it had.
awk '/^what /{text = ""} {text = text $0 "\n"} END {printf "%s", text}' "$out/bench.log"
exit "$code"
