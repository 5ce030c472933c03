// How much a compressed file may unpack to. Text that people keep shrinks to a hundredth at most;
// what a bomb of some kilobytes unpacks to is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace rubato {

class ByteSource;

struct UnpackBound {
  uint64_t bytes = uint64_t{1} << 30;  // whatever its size
  uint64_t times = 1000;               // and so much of what has been read of it
};

// OpenByteSource has the bound above. DataLoss: it unpacks to more, found out by who reads so far.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenBoundedSource(const std::string& path,
                                                              UnpackBound bound);

}  // namespace rubato
