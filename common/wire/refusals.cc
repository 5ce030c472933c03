#include "common/wire/refusals.h"

namespace rubato {
namespace {

constexpr Duration kTellEvery = Duration::Seconds(10);

}  // namespace

std::optional<Refusals> RefusalWatch::Look(const EndpointCounts& counts, Instant now) {
  if (counts.refused_connections == told_.connections && counts.denied == told_.messages) {
    return std::nullopt;
  }
  if (told_at_ && now - *told_at_ < kTellEvery) return std::nullopt;
  told_at_ = now;
  const bool of_messages = counts.denied != told_.messages;
  told_ = {counts.refused_connections, counts.denied, of_messages ? counts.last_refusal : ""};
  return told_;
}

}  // namespace rubato
