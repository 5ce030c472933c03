// Whether names that are connected to are reached by IPv6 alone, which ZeroMQ has to be told.
//
// Who knows names may take seconds to say that he does not, and the caller is the thread that sends
// heartbeats. So a name that meant something keeps its family, whatever becomes of the resolver
// (its address ZeroMQ asks for itself, with each connection and on a thread of its own), and one
// that meant nothing is asked for again only so often that a tenth of the time goes into it.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "common/wire/listening.h"

namespace rubato {

class NameFamilies {
 public:
  explicit NameFamilies(NameLookup lookup, std::function<Instant()> clock = MonotonicNow)
      : lookup_(std::move(lookup)), clock_(std::move(clock)) {}

  // As of NeedsIpv6 (common/wire/listening.h).
  absl::StatusOr<bool> Find(const std::string& address);
  // Whether what meant nothing may be asked for again.
  bool MayAskAgain() const { return clock_() >= ask_again_at_; }

 private:
  const NameLookup lookup_;
  const std::function<Instant()> clock_;
  absl::flat_hash_map<std::string, bool> ipv6_;  // by name
  Instant ask_again_at_;
};

}  // namespace rubato
