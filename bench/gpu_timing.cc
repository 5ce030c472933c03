#include "bench/gpu_timing.h"

#include <algorithm>

#include "common/base/env.h"
#include "common/base/status.h"

namespace rubato {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

absl::StatusOr<double> SecondsOfCall(const Stream& stream, const Repeats& repeats,
                                     const PutCall& put) {
  RETURN_IF_ERROR(put(stream.view(), 0));  // loads kernels, which a capture may forbid
  RETURN_IF_ERROR(stream.Wait());
  ASSIGN_OR_RETURN(const Graph graph,
                   Graph::Capture(stream.view(), [&](StreamView recorded) -> absl::Status {
                     for (size_t call = 0; call < repeats.calls; ++call) {
                       RETURN_IF_ERROR(put(recorded, call));
                     }
                     return absl::OkStatus();
                   }));
  RETURN_IF_ERROR(graph.Launch(stream.view()));
  RETURN_IF_ERROR(stream.Wait());
  std::vector<double> seconds;
  for (size_t i = 0; i < repeats.repeats; ++i) {
    const Instant start = MonotonicNow();
    RETURN_IF_ERROR(graph.Launch(stream.view()));
    RETURN_IF_ERROR(stream.Wait());
    seconds.push_back((MonotonicNow() - start).seconds() / static_cast<double>(repeats.calls));
  }
  return Median(seconds);
}

}  // namespace rubato
