// Any bytes are the job of a fleet or a sentence; what was accepted comes back from its own text.
// Input: line_edits.h.
//
// Decoders: common/job/job.cc
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/job/job.h"
#include "tests/fuzz/line_edits.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto job =
      rubato::ParseJob(rubato::WithLineEdits({reinterpret_cast<const char*>(data), size}));
  if (!job.ok()) return 0;
  const auto again = rubato::ParseJob(rubato::FormatJob(*job));
  if (!again.ok() || !(*again == *job) || again->Fingerprint() != job->Fingerprint()) std::abort();
  if (again->staleness() != job->staleness()) std::abort();
  return 0;
}
