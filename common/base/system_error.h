// What the system refuses, as one sentence: what was tried, on what, why, and what helps against
// it.
//
// The code decides the exit code (common/base/status.h): a path that cannot be right or may not be
// used is for the user to change (InvalidArgument, PermissionDenied: 2); what is short now and may
// be there later is Unavailable (3): disk space, open files, processes; a missing file is NotFound
// and a failing disk DataLoss (4).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rubato {

// "DOING failed: Too many open files; raise the limit on open files (ulimit -n)" for errno `error`.
absl::Status SystemError(int error, absl::string_view doing);

// The same of a file or folder: "DOING PATH failed: ...".
absl::Status FileError(int error, absl::string_view doing, absl::string_view path);

// errno of the text that strerror gives for it at the end of `sentence`, 0 if there is none we have
// advice for: for libraries that hand on nothing else.
int ErrorOfText(absl::string_view sentence);

}  // namespace rubato
