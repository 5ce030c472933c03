// SHA-256 of text, by OpenSSL: the checksum of the text files of a run
// (common/base/checksummed_text.h), since people and the launcher can compute it too.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace rubato {

// 64 hexadecimal digits.
std::string Sha256(absl::string_view text);

}  // namespace rubato
