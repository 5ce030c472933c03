// What a listener has refused to those whose keys are not good for it, to be told now and then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/env.h"
#include "common/wire/endpoint.h"

namespace rubato {

// Since the process began.
struct Refusals {
  uint64_t connections = 0;
  uint64_t messages = 0;
  std::string why;  // of the newest message
  friend bool operator==(const Refusals&, const Refusals&) = default;
};

class RefusalWatch {
 public:
  // As often as you like: what is to be told, if there is more than was told last, which is a while
  // ago.
  std::optional<Refusals> Look(const EndpointCounts& counts, Instant now);

 private:
  Refusals told_;
  std::optional<Instant> told_at_;
};

}  // namespace rubato
