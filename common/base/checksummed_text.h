// The checksum in text files that a run reads back and that steer it: people may look at them, and
// a changed byte is found out before it changes a score.
//
// A checksummed file is the text with one line more, which holds the SHA-256 of the text without
// it. The line stands where the format stays what it is:
//   JSON   the last member of the outermost object:  ,\n"sha256": "HEX"}\n  instead of  }\n
//   TOML   a comment at the end:                     # sha256 = "HEX"\n
// So a file and its checksum are replaced together, by one rename.
// launch/rubato_cli/files/checksum.py is the same in Python.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace rubato {

// `path` says by its ending which format the text has: .toml, else JSON, which must end with "}\n".
std::string WithChecksum(const std::string& path, const std::string& text);

// The text that got the checksum. DataLoss names `path`: it is not as it was written.
absl::StatusOr<std::string> WithoutChecksum(const std::string& path,
                                            const std::string& checksummed);

// The text of the checksummed file `path`. NotFound: there is no such file; else as
// common/base/system_error.h says.
absl::StatusOr<std::string> ReadChecksummedText(const std::string& path);

}  // namespace rubato
