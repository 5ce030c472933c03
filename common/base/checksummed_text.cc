#include "common/base/checksummed_text.h"

#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr absl::string_view kJsonEnd = "}\n";

// What stands at the end of a checksummed file: `ending` is cut off the text for it.
struct LastLine {
  absl::string_view ending;
  std::string line;
};

LastLine LastLineOf(const std::string& path, absl::string_view text) {
  const std::string digest = Sha256(text);
  if (absl::EndsWith(path, ".toml")) return {"", absl::StrCat("# sha256 = \"", digest, "\"\n")};
  return {kJsonEnd, absl::StrCat(",\n\"sha256\": \"", digest, "\"", kJsonEnd)};
}

}  // namespace

std::string WithChecksum(const std::string& path, const std::string& text) {
  const LastLine last = LastLineOf(path, text);
  CHECK(absl::EndsWith(text, last.ending), "no JSON object: " + path);
  return text.substr(0, text.size() - last.ending.size()) + last.line;
}

absl::StatusOr<std::string> WithoutChecksum(const std::string& path,
                                            const std::string& checksummed) {
  const size_t line_bytes = LastLineOf(path, "").line.size();  // whatever the text
  if (checksummed.size() >= line_bytes) {
    const std::string body = checksummed.substr(0, checksummed.size() - line_bytes);
    const std::string text = absl::StrCat(body, LastLineOf(path, "").ending);
    if (checksummed == absl::StrCat(body, LastLineOf(path, text).line)) return text;
  }
  return absl::DataLossError(absl::StrFormat(
      "%s: is not as it was written (the sha256 at its end does not match); undo the change, "
      "restore it from a copy, or train into a new folder",
      path));
}

absl::StatusOr<std::string> ReadChecksummedText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return FileError(errno, "opening", path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return FileError(errno, "reading", path);
  return WithoutChecksum(path, text);
}

}  // namespace rubato
