#include "worker/run_file/run_file_text.h"

#include <cerrno>
#include <fstream>

#include "common/base/status.h"
#include "common/base/system_error.h"
#include "worker/run_file/bad_key.h"

namespace rubato {
namespace {

// A run file is a page; this stops a wrong path (a data file, a device) from being read whole.
constexpr size_t kMaxRunFileBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> ReadRunFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open() && errno != ENOENT) return FileError(errno, "opening", path);
  std::string text(kMaxRunFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A folder opens and fails at the first read: then neither end nor bytes were seen.
  if (!file.is_open() || (file.gcount() == 0 && !file.eof()) || file.bad()) {
    return BadKey(path,
                  "cannot read this run file; check its name, or write one with `rubato init`");
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxRunFileBytes) {
    return BadKey(path, "larger than 1 MiB, so this is not a run file; name a TOML file");
  }
  return text;
}

}  // namespace rubato
