#include "common/base/sealed_text.h"

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

// What stands at the end of a sealed file: `ending` is cut off the text for it.
struct Seal {
  absl::string_view ending;
  std::string line;
};

Seal SealOf(const std::string& path, absl::string_view text) {
  const std::string digest = Sha256(text);
  if (absl::EndsWith(path, ".toml")) return {"", absl::StrCat("# sha256 = \"", digest, "\"\n")};
  return {kJsonEnd, absl::StrCat(",\n\"sha256\": \"", digest, "\"", kJsonEnd)};
}

}  // namespace

std::string SealText(const std::string& path, const std::string& text) {
  const Seal seal = SealOf(path, text);
  CHECK(absl::EndsWith(text, seal.ending), "no JSON object: " + path);
  return text.substr(0, text.size() - seal.ending.size()) + seal.line;
}

absl::StatusOr<std::string> UnsealText(const std::string& path, const std::string& sealed) {
  const size_t line_bytes = SealOf(path, "").line.size();  // whatever the text
  if (sealed.size() >= line_bytes) {
    const std::string body = sealed.substr(0, sealed.size() - line_bytes);
    const std::string text = absl::StrCat(body, SealOf(path, "").ending);
    if (sealed == absl::StrCat(body, SealOf(path, text).line)) return text;
  }
  return absl::DataLossError(absl::StrFormat(
      "%s: is not as it was written (the sha256 at its end does not match); undo the change, "
      "restore it from a copy, or train into a new folder",
      path));
}

absl::StatusOr<std::string> ReadSealedText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return FileError(errno, "opening", path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return FileError(errno, "reading", path);
  return UnsealText(path, text);
}

}  // namespace rubato
