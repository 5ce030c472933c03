// What a file is by its first bytes, whatever its name says, where it is no text that a reader of
// rows could take: binary tables, archives, pages. Each comes with what turns it into such a text.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rubato {

// So many first bytes tell all kinds.
inline constexpr size_t kFileKindBytes = 512;

// `head`: the first kFileKindBytes of a file, or all of it. DataLoss: "PATH: is a Parquet file;
// convert it, as in ..." when it is none that is read; OK for texts and for what is not known.
absl::Status CheckFileKind(absl::string_view head, const std::string& path);

bool IsGzip(absl::string_view head);
bool IsZstd(absl::string_view head);

}  // namespace rubato
