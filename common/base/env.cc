#include "common/base/env.h"

#include <time.h>

#include <chrono>
#include <cmath>
#include <numbers>
#include <random>

namespace rubato {

Instant MonotonicNow() {
  const auto since_boot = std::chrono::steady_clock::now().time_since_epoch();
  return Instant::FromNanos(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_boot).count());
}

Duration ThreadCpuTime() {
  timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return Duration::Nanos(int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec);
}

int64_t WallMillis() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

uint64_t RandomSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

double Rng::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * Uniform());
}

double Rng::Exponential(double mean) { return -mean * std::log(1.0 - Uniform()); }

}  // namespace rubato
