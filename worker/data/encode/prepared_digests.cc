#include "worker/data/encode/prepared_digests.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>

#include "common/base/checksummed_text.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "worker/data/dataset/dataset_format.h"

namespace rubato {
namespace {

absl::Status AppendHead(const std::string& path, std::string* out) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return FileError(errno, "opening", path);
  char head[kPrefixBytes];
  ssize_t got;
  do {
    got = read(file.get(), head, sizeof(head));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return FileError(errno, "reading", path);
  out->append(head, static_cast<size_t>(got));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DataDigests> DigestOfEncoding(const std::string& run_folder) {
  ASSIGN_OR_RETURN(const std::string encoding,
                   ReadChecksummedText(run_folder + "/data/encoding.json"));
  return DataDigests{.encoding = XXH3_64bits(encoding.data(), encoding.size()), .rows = 0};
}

absl::StatusOr<DataDigests> DigestsOfData(const std::string& run_folder) {
  ASSIGN_OR_RETURN(DataDigests digests, DigestOfEncoding(run_folder));
  std::string heads;
  for (const char* part : {"train", "validation", "test"}) {
    RETURN_IF_ERROR(AppendHead(absl::StrCat(run_folder, "/data/", part, ".rbd"), &heads));
  }
  digests.rows = XXH3_64bits(heads.data(), heads.size());
  return digests;
}

}  // namespace rubato
