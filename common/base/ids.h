// Strong ids and clocks.
//
// An id can be compared, hashed and printed, and nothing else. A clock is a point and a ClockDelta
// a distance: point - point = distance, point + distance = point, and no other sum compiles.
// Construction is explicit and value() is the only way out, so a seat is never passed as a place.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>
#include <utility>

namespace rubato {

template <class Tag, class Rep>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Id, Id) = default;
  template <class H>
  friend H AbslHashValue(H state, Id id) {
    return H::combine(std::move(state), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, Id id) { return out << +id.value_; }

 private:
  Rep value_{};
};

// A named set of parameters.
using TableId = Id<struct TableIdTag, uint32_t>;
// A row of a sparse table, or the number of a block of a dense one.
using RowKey = Id<struct RowKeyTag, uint64_t>;
// A shard's stable index in the shard map / a worker's stable index in the fleet.
using PlaceId = Id<struct PlaceIdTag, uint32_t>;
using SeatId = Id<struct SeatIdTag, uint32_t>;
// One run of a process or shard, numbered by the scheduler and never reused. 0 = none given yet.
using Life = Id<struct LifeTag, uint64_t>;
// Number of fleet resumes so far.
using Generation = Id<struct GenerationTag, uint64_t>;
using ViewVersion = Id<struct ViewVersionTag, uint64_t>;
// Number of a snapshot.
using SnapshotNumber = Id<struct SnapshotNumberTag, uint64_t>;
// Drawn at random by a process, or a shard's thread, when it starts: its transport address.
using Nonce = Id<struct NonceTag, uint64_t>;
using RequestId = Id<struct RequestIdTag, uint64_t>;

inline constexpr Life kNoLife{0};
// The scheduler is the one peer everybody knows before the first message.
inline constexpr Nonce kSchedulerNonce{0};

// A distance between clocks, in iterations.
class ClockDelta {
 public:
  constexpr ClockDelta() = default;
  constexpr explicit ClockDelta(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  friend constexpr auto operator<=>(ClockDelta, ClockDelta) = default;
  friend constexpr ClockDelta operator+(ClockDelta a, ClockDelta b) {
    return ClockDelta(a.value_ + b.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, ClockDelta d) { return out << d.value_; }

 private:
  int64_t value_ = 0;
};

// Number of iterations completed; also the number of the next iteration and of its push.
class Clock {
 public:
  constexpr Clock() = default;
  constexpr explicit Clock(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  constexpr Clock Next() const { return Clock(value_ + 1); }
  friend constexpr auto operator<=>(Clock, Clock) = default;
  friend constexpr ClockDelta operator-(Clock a, Clock b) {
    return ClockDelta(a.value_ - b.value_);
  }
  friend constexpr Clock operator+(Clock a, ClockDelta d) { return Clock(a.value_ + d.value()); }
  friend constexpr Clock operator-(Clock a, ClockDelta d) { return Clock(a.value_ - d.value()); }
  template <class H>
  friend H AbslHashValue(H state, Clock c) {
    return H::combine(std::move(state), c.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, Clock c) { return out << c.value_; }

 private:
  int64_t value_ = 0;
};

// How far an iteration may run ahead of the slowest: 0 = BSP, 1..n = SSP, infinite = ASP.
class Staleness {
 public:
  constexpr Staleness() = default;
  constexpr explicit Staleness(int64_t bound) : bound_(bound) {}
  static constexpr Staleness Infinite() { return Staleness(kInfinite); }
  constexpr bool infinite() const { return bound_ == kInfinite; }
  // Requires !infinite().
  constexpr ClockDelta bound() const { return ClockDelta(bound_); }
  // Whether a row that holds every iteration < `read` may be used at iteration `used`.
  constexpr bool Allows(Clock read, Clock used) const {
    return infinite() || read >= used - bound();
  }
  friend constexpr auto operator<=>(Staleness, Staleness) = default;

 private:
  static constexpr int64_t kInfinite = std::numeric_limits<int64_t>::max();
  int64_t bound_ = 0;
};

}  // namespace rubato
