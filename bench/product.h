// Pulls and pushes as a worker makes them: a scheduler and a server in processes of their own, a
// worker's Session in this one. One shard, one table, SGD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/streams.h"
#include "common/base/env.h"
#include "common/job/table_spec.h"

namespace rubato {

enum class Direction { kPull, kPush };

struct ProductShape {
  TableKind kind = TableKind::kDense;
  Direction direction = Direction::kPull;
  uint64_t rows = 1024;  // an iteration's: blocks of kBlockFloats, or keys of 16 floats
  int64_t iterations = 64;
  Transport transport = Transport::kIpc;

  uint32_t dim() const { return kind == TableKind::kDense ? kBlockFloats : 16; }
  uint64_t iteration_bytes() const { return rows * dim() * sizeof(float); }
  double value_bytes() const {
    return static_cast<double>(iteration_bytes()) * static_cast<double>(iterations);
  }
};

// kPull: rows fetched afresh for every iteration, the next ones while one is used.
// kPush: rows out of the client's cache, gradients pushed; the time ends when all are applied.
Duration ProductTime(const ProductShape& shape);

// Of `count` iterations of a model of kSmallBytes at s = 0, whose pull is answered once the push of
// the one before is applied: its push there, its weights back.
inline constexpr size_t kSmallBytes = 4096;
std::vector<Duration> SmallModelRoundTrips(Transport transport, size_t count);

}  // namespace rubato
