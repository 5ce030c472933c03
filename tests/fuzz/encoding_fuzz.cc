// Any bytes are the encoding of a run or a sentence; what was accepted comes back from its own
// text. Input: line_edits.h.
//
// Decoders: worker/data/encode/encoding_json.cc
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/line_edits.h"
#include "worker/data/encode/encoding_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto encoding =
      rubato::ParseEncoding(rubato::WithLineEdits({reinterpret_cast<const char*>(data), size}));
  if (!encoding.ok()) return 0;
  const std::string text = rubato::FormatEncoding(*encoding);
  const auto again = rubato::ParseEncoding(text);
  if (!again.ok() || rubato::FormatEncoding(*again) != text) std::abort();
  return 0;
}
