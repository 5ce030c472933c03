// Which bytes are text: UTF-8 as of RFC 3629, without overlong forms and surrogates.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace rubato {

// Bytes of the sequence that `text` begins with; 0 when it begins with none.
size_t Utf8Length(absl::string_view text);
// All of `text`, which may be empty.
bool IsUtf8(absl::string_view text);

}  // namespace rubato
