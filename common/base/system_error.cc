#include "common/base/system_error.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "common/base/status.h"

namespace rubato {
namespace {

using absl::StatusCode;

struct Known {
  int error;
  StatusCode code;
  const char* advice;  // the same words as in launch/rubato_cli/base/system_error.py
};

constexpr Known kKnown[] = {
    {ENOENT, StatusCode::kNotFound, "check the path"},
    {ENOTDIR, StatusCode::kInvalidArgument, "a part of the path is a file; choose another one"},
    {EISDIR, StatusCode::kInvalidArgument, "it is a folder; name a file in it"},
    {ENAMETOOLONG, StatusCode::kInvalidArgument, "choose a shorter name"},
    {ELOOP, StatusCode::kInvalidArgument, "its links lead in a circle; mend them"},
    {EACCES, StatusCode::kPermissionDenied, "give this user permission, or choose another place"},
    {EPERM, StatusCode::kPermissionDenied, "give this user permission, or choose another place"},
    {EROFS, StatusCode::kPermissionDenied, "choose a place on a file system that can be written"},
    {ENOLCK, StatusCode::kInvalidArgument,
     "its file system has no locks; choose a place on another one"},
    {EOPNOTSUPP, StatusCode::kInvalidArgument,
     "its file system cannot do that; choose a place on another one"},
    {ENOSPC, StatusCode::kUnavailable, "free some space there"},
    {EDQUOT, StatusCode::kUnavailable, "free some space there, or have the quota raised"},
    {EFBIG, StatusCode::kUnavailable, "raise the limit on the size of files (ulimit -f)"},
    {EMFILE, StatusCode::kUnavailable, "raise the limit on open files (ulimit -n)"},
    {ENFILE, StatusCode::kUnavailable,
     "all processes together have too many; end some, or raise fs.file-max (sysctl)"},
    {EAGAIN, StatusCode::kUnavailable,
     "raise the limits on processes (ulimit -u) and memory (ulimit -v), or end some processes"},
    {ENOMEM, StatusCode::kUnavailable,
     "there is too little memory; end some processes, or raise "
     "its limit (ulimit -v)"},
    {ESTALE, StatusCode::kUnavailable, "its file server has lost it; mount it again"},
    {EIO, StatusCode::kDataLoss, "the disk may be failing; look at dmesg"},
};

const Known* Find(int error) {
  for (const Known& known : kKnown) {
    if (known.error == error) return &known;
  }
  return nullptr;
}

}  // namespace

absl::Status SystemError(int error, absl::string_view doing) {
  const std::string sentence = absl::StrCat(doing, " failed: ", std::strerror(error));
  const Known* known = Find(error);
  if (known == nullptr) return absl::InternalError(sentence);
  return absl::Status(known->code, absl::StrCat(sentence, "; ", known->advice));
}

absl::Status FileError(int error, absl::string_view doing, absl::string_view path) {
  return SystemError(error, absl::StrCat(doing, " ", path));
}

int ErrorOfText(absl::string_view sentence) {
  for (const Known& known : kKnown) {
    if (absl::EndsWith(sentence, std::strerror(known.error))) return known.error;
  }
  return 0;
}

}  // namespace rubato
