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
  grep -ohE 'run: .*|tf32: .*' "$log" || true
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
kernels='CastTest.*:DeviceTest.Copies*:FmTest.*:FmAgainstCpuTest.*:GatherInputTest.One*'
kernels+=':GatherInputTest.Addresses*:GatherInputTest.Agrees*:LinearTermTest.*'
kernels+=':LossesTest.*Reference:LossesTest.Sigmoid*:MetricsTest.*:OccurrenceKeysTest.*'
kernels+=':OutputLayerTest.*:SegmentSumTest.*:UniqueTest.*:*OptimizerTest.*'
models=':LinearCudaTest.With*:*LocalTrainingTest.Goes*:*ModelCudaTest.Keeps*deepfm*'
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
sanitize() {
  local tool=$1 tests=$2
  if [[ ! -x $sanitizer ]]; then
    summary+=("$(printf '%-34s skipped: compute-sanitizer is not installed' "$tool")")
    return
  fi
  check "$tool" 60 "$sanitizer" --tool "$tool" "${@:3}" --error-exitcode 1 \
    "$RUBATO_BIN/cuda_test" --gtest_brief=1 --gtest_filter="$tests"
}
sanitize memcheck "$kernels$models"
# Races inside a kernel are its author's: not NVIDIA's, of which it cannot run some (cuBLAS on an
# H200: "failed to handle a hardware exception").
sanitize racecheck "$kernels" --kernel-name kernel_substring=rubato
# Tests read whole arrays back, with padding that nobody wrote: what kernels read is what counts.
sanitize initcheck "$kernels$models" --check-api-memory-access no
finish
