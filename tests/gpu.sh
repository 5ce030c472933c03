#!/usr/bin/env bash
# Everything that needs a GPU to be checked, in one call of at most 7 minutes after the build:
# kernels and models against the CPU's, fleets on the GPU against fleets on the CPU, and NVIDIA's
# compute-sanitizer over tests that reach every kernel. A table of the parts comes last; what they
# said is in tests.log under $OUT, or build/gpu.
# Usage: tests/gpu.sh [--bin DIR] [--first-light] [--budget SECONDS]
#   --bin DIR         a build folder, or what bench/pack_gpu made
#   --first-light     at most a minute: the driver, kernels and models, a step of everything that
#                     bench/gpu.sh measures
#   --budget SECONDS  of all parts together; what does not fit is not run, which fails
# Exit codes: 0 all passed; 1 not all did; 77 there is no GPU. Real data: RUBATO_DATA_DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$here/bench/gpu_binaries"
bin=""
budget=420
first_light=false
while (($# > 0)); do
  case $1 in
    --bin) bin=${2:?--bin needs a folder}; shift 2 ;;
    --first-light) first_light=true; budget=60; shift ;;
    --budget) budget=${2:?--budget needs seconds}; shift 2 ;;
    *) sed -n '2,12s/^# //p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
need_gpu "nothing was checked"
find_binaries "$here" "$bin" cuda_test rubato_cuda rubato-bench-gpu rubato-data rubato-scheduler \
  rubato-server rubato-worker
out=${OUT:-$here/build/gpu}
log=$out/tests.log
mkdir -p "$out"
if [[ -z ${RUBATO_DATA_DIR:-} && -d $here/data ]]; then export RUBATO_DATA_DIR=$here/data; fi
export RUBATO_BIN=$binaries/bin RUBATO_CUDA_LIBRARY=$binaries/librubato_cuda.so
failed=0
set_budget "$budget"

check() { part "$1" "$2" "$log" "${@:3}" || failed=1; }

finish() {
  grep -E '^run: |: (not )?fused|tf32: ' "$log" || true
  printf '\n'
  printf '%s\n' "${summary[@]}"
  exit "$failed"
}

printf '' >"$log"
check "driver and GPUs" 10 "$RUBATO_BIN/rubato-worker" gpus
check "kernels and models" 90 "$RUBATO_BIN/cuda_test" --gtest_brief=1
check "a step of everything" 30 "$RUBATO_BIN/rubato-bench-gpu" --smoke
if $first_light; then finish; fi

check "fleets against the CPU's" 90 python3 -B "$here/tests/launch/cuda_run_test.py"
check "larger runs against the CPU's" 120 python3 -B "$here/tests/launch/gpu_runs.py"

# One test or more of every kernel, none of them long: the sanitizer is 10 to 100 times slower.
subset='CastTest.*:DeviceTest.Copies*:*LocalTrainingTest.Goes*:FmTest.*'
subset+=':FmAgainstCpuTest.*:GatherInputTest.One*'
subset+=':GatherInputTest.Addresses*:GatherInputTest.Agrees*:LinearCudaTest.With*'
subset+=':LinearTermTest.*:LossesTest.*Reference:LossesTest.Sigmoid*'
subset+=':MetricsTest.*:OccurrenceKeysTest.*:OutputLayerTest.*:SegmentSumTest.*:UniqueTest.*'
subset+=':*OptimizerTest.*:*ModelCudaTest.Keeps*'
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
# Races inside a kernel are its author's: NVIDIA's are left out, which take most of the time.
sanitize() {
  if [[ ! -x $sanitizer ]]; then
    summary+=("$(printf '%-34s skipped: compute-sanitizer is not installed' "$1")")
    return
  fi
  check "$1" 60 "$sanitizer" --tool "$@" --error-exitcode 1 \
    "$RUBATO_BIN/cuda_test" --gtest_brief=1 --gtest_filter="$subset"
}
sanitize memcheck
sanitize racecheck --kernel-name kernel_substring=rubato
sanitize initcheck
finish
