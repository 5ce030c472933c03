// What simulated workers train, chosen so that the weights themselves say which pushes they hold.
//
// Table "ledger" (sparse, dim = T): one row per worker life and shard; iteration c adds 1 to its
// element c, so a 0 is a missing push and a 2 one applied twice. Table "sums" (dense): each
// iteration adds small integers, so that with SGD at rate 1 the weights must be the exact sum of
// the contents. In deterministic mode the sums depend on what was read and on the order of
// application.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/ids.h"
#include "common/job/job.h"
#include "tests/sim/config.h"
#include "worker/compute/model.h"

namespace rubato::sim {

inline constexpr TableId kLedger{0};
inline constexpr TableId kSums{1};
inline constexpr uint32_t kSumBlocks = 6;
inline constexpr uint32_t kSumDim = 2;

// What the simulator knows of a worker life, for ever.
struct LifeInfo {
  SeatId seat;
  Generation generation;
  uint32_t places = 0;  // of its generation
  std::optional<Clock> start;
  std::optional<Clock> quarantined;  // from this iteration on all are empty
};

// Element c: how often iteration c was applied.
using Contents = std::vector<int>;

class Ledger {
 public:
  explicit Ledger(const Config& config);

  const Job& job() const { return job_; }
  // The ledger row of a life that lives at `place` when there are `places`.
  RowKey KeyOf(Life life, PlaceId place, uint32_t places) const;
  // Whether iteration `clock` of `life` must leave a mark at `place`, once applied.
  bool Marks(const LifeInfo& info, Life life, Clock clock, PlaceId place) const;
  bool Touches(SeatId seat, Clock clock, PlaceId place) const;
  bool IsNan(SeatId seat, Life life, Clock clock) const;

  // Rows that iteration `clock` of `life` reads, and their gradients. Of `readable` ledger rows
  // those are read as well that live on shards which the iteration touches.
  Parameters Keys(const LifeInfo& info, Life life, Clock clock,
                  const std::set<RowKey>& readable) const;
  // All ledger rows `readable` and all sums.
  static Parameters AllKeys(const std::set<RowKey>& readable);
  Parameters Gradients(const LifeInfo& info, Life life, Clock clock, const Parameters& read) const;

  // The integer that iteration (life, clock) adds to element i of a block (not in deterministic
  // mode).
  int SumTerm(Life life, Clock clock, RowKey block, uint32_t i) const;
  static Contents Decode(const float* row, int64_t last_clock);

 private:
  const Config config_;
  const Job job_;
};

}  // namespace rubato::sim
