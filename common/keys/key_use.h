// What came from the holders of a key to a listener, and went to them, since the listener began.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/keys/allow_list.h"

namespace rubato {

struct KeyUse {
  KeyRole role = KeyRole::kReader;
  uint64_t messages = 0;
  uint64_t refused = 0;
  uint64_t beyond = 0;  // messages beyond what the key may send in a second
  uint64_t taken_bytes = 0;
  uint64_t sent_bytes = 0;
};

// By public key.
using KeyUses = absl::flat_hash_map<std::string, KeyUse>;

}  // namespace rubato
