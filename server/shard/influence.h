// How much each worker moves the weights of a shard, and how like the others' its gradients are:
// two figures for people who look for a worker that is broken or hostile. Nothing is refused for
// them: who knows how he is measured can look as he likes, so this is no tolerance of Byzantine
// workers (Blanchard et al. 2017, arXiv:1703.02757, has what that takes).
//
// Of every kEvery-th iteration, for the push g of a worker w:
//   squared_norm += |g|^2                    its part of the sum over all workers: its influence
//   s = sketch of g, r = sum of the others' running means of theirs
//   dot += s.r, own += |s|^2, others += |r|^2     dot / sqrt(own * others) is a mean cosine
// All are sums, so those of the shards are added. The cosine is what FLTrust scores clients by (Cao
// et al. 2021, arXiv:2012.13995), there against a gradient of trusted data, here against the other
// workers. A sketch has kBuckets floats: each row is added, with a sign of its key, at a bucket of
// its key, which keeps dot products in expectation (Weinberger et al. 2009, arXiv:0902.2206).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/base/ids.h"
#include "common/telemetry/events.h"

namespace rubato {

// Gradients of rows of one table: [keys, dim].
struct GradientRows {
  TableId table;
  std::span<const RowKey> keys;
  const float* gradients = nullptr;
  size_t dim = 0;
};

class Influence {
 public:
  static constexpr size_t kBuckets = 512;
  static constexpr int64_t kEvery = 16;
  static bool Samples(Clock number) { return number.value() % kEvery == 0; }

  // A push of `seat`, all of it.
  void Note(SeatId seat, std::span<const GradientRows> push);
  // In the order of seats.
  std::vector<SeatInfluence> all() const;

 private:
  using Sketch = std::array<float, kBuckets>;
  struct Seat {
    SeatInfluence sums;
    Sketch mean{};  // running, of the sketches of its pushes
  };
  // Adds the rows to `sketch`; the sum of their squares.
  static double Add(const GradientRows& rows, Sketch* sketch);

  std::map<SeatId, Seat> seats_;
  Sketch total_{};  // of all seats' means
};

}  // namespace rubato
