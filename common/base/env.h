// Time and chance, the two things a machine may not have of its own: both are parameters.
//
// Instant and Duration are nanoseconds of the monotonic clock, or of the simulator's virtual one.
// Rng is a small seeded generator (SplitMix64, Steele et al. 2014) whose streams are the same on
// every machine, so that one seed is one history.
#pragma once

#include <compare>
#include <cstdint>

namespace rubato {

class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration Nanos(int64_t n) { return Duration(n); }
  static constexpr Duration Micros(int64_t n) { return Duration(n * 1000); }
  static constexpr Duration Millis(int64_t n) { return Duration(n * 1'000'000); }
  static constexpr Duration Seconds(double s) { return Duration(static_cast<int64_t>(s * 1e9)); }
  constexpr int64_t nanos() const { return nanos_; }
  constexpr double seconds() const { return static_cast<double>(nanos_) * 1e-9; }
  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) {
    return Duration(a.nanos_ + b.nanos_);
  }
  friend constexpr Duration operator-(Duration a, Duration b) {
    return Duration(a.nanos_ - b.nanos_);
  }

 private:
  constexpr explicit Duration(int64_t nanos) : nanos_(nanos) {}
  int64_t nanos_ = 0;
};

class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant FromNanos(int64_t n) {
    Instant i;
    i.nanos_ = n;
    return i;
  }
  constexpr int64_t nanos() const { return nanos_; }
  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Duration operator-(Instant a, Instant b) {
    return Duration::Nanos(a.nanos_ - b.nanos_);
  }
  friend constexpr Instant operator+(Instant a, Duration d) {
    return FromNanos(a.nanos_ + d.nanos());
  }
  friend constexpr Instant operator-(Instant a, Duration d) {
    return FromNanos(a.nanos_ - d.nanos());
  }

 private:
  int64_t nanos_ = 0;
};

// Time as one process lives through it, for what it expects of others: leases and deadlines. A step
// between two readings that is longer than `asleep_after` means that the process itself stood still
// (stopped, frozen with its machine, or blocked), and likely the others with it. It could hear
// nobody, so such a step counts as nothing. To be read several times as often.
class AwakeClock {
 public:
  AwakeClock(Instant now, Duration asleep_after) : last_(now), asleep_after_(asleep_after) {}
  // `now`, less all the time that was slept through.
  Instant Read(Instant now) {
    if (now - last_ > asleep_after_) slept_ = slept_ + (now - last_);
    last_ = now;
    return now - slept_;
  }
  Duration slept() const { return slept_; }

 private:
  Instant last_;
  Duration asleep_after_;
  Duration slept_;
};

// For loops of drivers, which come round many times a second.
inline constexpr Duration kAsleepAfter = Duration::Seconds(2);

// The monotonic clock. For mains, drivers and tests; machines are handed their `now`.
Instant MonotonicNow();
// CPU time of the calling thread: for benchmarks on machines that others use as well.
Duration ThreadCpuTime();
// Milliseconds since 1970, for logs and telemetry only.
int64_t WallMillis();
// A seed from the operating system, for nonces.
uint64_t RandomSeed();

// One round of SplitMix64: a fixed, well mixed function of its input.
constexpr uint64_t MixBits(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class Rng {
 public:
  constexpr explicit Rng(uint64_t seed) : state_(seed) {}
  constexpr uint64_t Next() {
    const uint64_t value = MixBits(state_);
    state_ += 0x9e3779b97f4a7c15u;
    return value;
  }
  // Uniform in [0, n), n > 0 (Lemire 2019, without the rejection: bias < n / 2^64).
  constexpr uint64_t Below(uint64_t n) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((static_cast<Wide>(Next()) * n) >> 64);
  }
  // Uniform in [0, 1) with 53 random bits.
  constexpr double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  constexpr bool Chance(double p) { return Uniform() < p; }
  // Standard normal (Box and Muller 1958).
  double Normal();
  // Exponential with the given mean.
  double Exponential(double mean);

 private:
  uint64_t state_;
};

}  // namespace rubato
