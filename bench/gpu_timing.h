// How long a call on a device takes. Calls are captured in one graph, so that launches from the
// host do not count, and the host's clock is read when all of them are done.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

double Median(std::vector<double> values);

// Puts call number `call` on the stream. Calls take turns between inputs, so that what one reads is
// not what the one before it left in the cache.
using PutCall = std::function<absl::Status(StreamView stream, size_t call)>;

struct Repeats {
  size_t calls = 1;    // of a graph
  size_t repeats = 5;  // launches of it, of which the median counts, after one to warm up
};

// Seconds of one call.
absl::StatusOr<double> SecondsOfCall(const Stream& stream, const Repeats& repeats,
                                     const PutCall& put);

}  // namespace rubato
