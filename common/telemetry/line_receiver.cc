#include "common/telemetry/line_receiver.h"

#include <algorithm>

namespace rubato {

std::span<const std::string> LineReceiver::Take(Nonce stream, uint64_t first,
                                                std::span<const std::string> lines) {
  const auto [known, is_new] = next_.try_emplace(stream, first);
  const uint64_t taken = std::max(known->second, first) - first;
  known->second = std::max(known->second, first + lines.size());
  if (is_new) {
    order_.push_back(stream);
    if (order_.size() > most_) {
      next_.erase(order_.front());
      order_.pop_front();
    }
  }
  return lines.subspan(std::min<uint64_t>(taken, lines.size()));
}

uint64_t LineReceiver::Next(Nonce stream) const {
  const auto known = next_.find(stream);
  return known == next_.end() ? 0 : known->second;
}

}  // namespace rubato
