// Makes the keys of a fleet, and replaces them while it lives:
//
//   1. RotateKey: the role has a new pair; the list has the old public key and the new one. It goes
//      to all hosts (every process reads it again by itself), then the new pair to those that have
//      the role, whose processes are started anew, one after the other.
//   2. RetireKeys: the list has no keys any more but those of the pairs. It goes to all hosts: who
//      still has an old pair is refused from then on.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/keys/key_ring.h"

namespace rubato {

using MakeKeyPair = std::function<KeyPair()>;

// A pair for each role and the list, in `folder`, which is made for its owner alone.
// FailedPrecondition: it has keys already.
absl::Status MakeKeyFolder(const std::string& folder, const MakeKeyPair& make);
// Limits of the old key in the list are the new one's too.
absl::Status RotateKey(const std::string& folder, KeyRole role, const MakeKeyPair& make);
absl::Status RetireKeys(const std::string& folder);

}  // namespace rubato
