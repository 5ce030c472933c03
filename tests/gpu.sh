#!/usr/bin/env bash
# Everything that needs a GPU to be checked, in one call of less than 8 minutes after the build:
# kernels and models against the CPU's, fleets on the GPU against fleets on the CPU, and NVIDIA's
# compute-sanitizer over tests that reach every kernel. A table of the parts comes last; their logs
# are under $OUT, or build/gpu.
# Usage: tests/gpu.sh [--bin DIR]    DIR: a build folder, or what bench/pack_gpu made
# Exit codes: 0 all passed; 1 not all did; 77 there is no GPU. Real data: RUBATO_DATA_DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$here/bench/gpu_binaries"
bin=""
while (($# > 0)); do
  case $1 in
    --bin) bin=${2:?--bin needs a folder}; shift 2 ;;
    *) sed -n '2,8s/^# //p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
need_gpu "nothing was checked"
find_binaries "$here" "$bin" cuda_test rubato_cuda rubato-data rubato-scheduler rubato-server \
  rubato-worker
out=${OUT:-$here/build/gpu}
mkdir -p "$out"
if [[ -z ${RUBATO_DATA_DIR:-} && -d $here/data ]]; then export RUBATO_DATA_DIR=$here/data; fi
export RUBATO_BIN=$binaries/bin RUBATO_CUDA_LIBRARY=$binaries/librubato_cuda.so
summary=()
failed=0

part "driver and GPUs" 10 "$out/gpus.log" "$RUBATO_BIN/rubato-worker" gpus || failed=1
part "kernels and models" 90 "$out/cuda_test.log" "$RUBATO_BIN/cuda_test" --gtest_brief=1 ||
  failed=1
part "fleets against the CPU's" 90 "$out/cuda_run_test.log" \
  python3 -B "$here/tests/launch/cuda_run_test.py" || failed=1
part "larger runs against the CPU's" 120 "$out/gpu_runs.log" \
  python3 -B "$here/tests/launch/gpu_runs.py" || failed=1
grep -oh 'run: .*' "$out/gpu_runs.log" || true

# One test or more of every kernel, none of them long: the sanitizer is 10 to 100 times slower.
subset='CastTest.*:DeviceTest.Copies*:*LocalTrainingTest.Goes*:FmTest.*'
subset+=':FmAgainstCpuTest.*:GatherInputTest.One*'
subset+=':GatherInputTest.Addresses*:GatherInputTest.Agrees*:LinearCudaTest.With*'
subset+=':LinearCudaTest.FallsBack*:LinearTermTest.*:LossesTest.*Reference:LossesTest.Sigmoid*'
subset+=':MetricsTest.*:OccurrenceKeysTest.*:OutputLayerTest.*:SegmentSumTest.*:UniqueTest.*'
subset+=':*OptimizerTest.*:*ModelCudaTest.Keeps*'
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
for tool in memcheck racecheck initcheck; do
  if [[ ! -x $sanitizer ]]; then
    summary+=("$(printf '%-34s skipped: compute-sanitizer is not installed' "$tool")")
    continue
  fi
  part "$tool" 50 "$out/$tool.log" "$sanitizer" --tool "$tool" --error-exitcode 1 \
    "$RUBATO_BIN/cuda_test" --gtest_brief=1 --gtest_filter="$subset" || failed=1
done

printf '\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
