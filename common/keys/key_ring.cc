#include "common/keys/key_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr size_t kMaxListBytes = 16u << 20;
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

absl::StatusOr<FileDescriptor> OpenToRead(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return FileError(errno, "opening", path);
  return file;
}

absl::StatusOr<std::string> ReadAll(const FileDescriptor& file, const std::string& path) {
  std::string text;
  char bytes[4096];
  for (;;) {
    const ssize_t got = read(file.get(), bytes, sizeof(bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "reading", path);
    if (got == 0) return text;
    text.append(bytes, static_cast<size_t>(got));
    if (text.size() > kMaxListBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is no file of keys, it is too large"));
    }
  }
}

// As ssh holds it: a key that others may read is no secret.
absl::Status CheckPrivate(const FileDescriptor& file, const std::string& path) {
  struct stat is {};
  if (fstat(file.get(), &is) != 0) return FileError(errno, "looking at", path);
  if ((is.st_mode & kOthers) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s may be read by others (mode %04o), and a key must not; chmod 600 it",
                        path, is.st_mode & 07777));
  }
  if (is.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s belongs to user %d, and this process runs as user %d; give it a copy "
                        "of its own",
                        path, is.st_uid, geteuid()));
  }
  return absl::OkStatus();
}

// Who may write the list lets in whom he likes.
absl::Status CheckOwnerWrites(const FileDescriptor& file, const std::string& path) {
  struct stat is {};
  if (fstat(file.get(), &is) != 0) return FileError(errno, "looking at", path);
  if ((is.st_mode & (S_IWGRP | S_IWOTH)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s may be written by others (mode %04o); chmod go-w it", path, is.st_mode & 07777));
}

}  // namespace

std::string KeyFileOf(const std::string& folder, KeyRole role) {
  return absl::StrCat(folder, "/", KeyRoleName(role), ".key");
}

std::string AllowListOf(const std::string& folder) { return folder + "/allowed"; }

absl::StatusOr<KeyPair> LoadKeyPair(const std::string& path) {
  ASSIGN_OR_RETURN(const FileDescriptor file, OpenToRead(path));
  RETURN_IF_ERROR(CheckPrivate(file, path));
  ASSIGN_OR_RETURN(const std::string text, ReadAll(file, path));
  KeyPair pair;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipWhitespace());
    if (words.size() == 2 && words[0] == "public") pair.public_key = words[1];
    if (words.size() == 2 && words[0] == "secret") pair.secret_key = words[1];
  }
  if (IsKey(pair.public_key) && IsKey(pair.secret_key)) return pair;
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      ": is no key file, which has the lines \"public KEY\" and \"secret KEY\"; make one "
      "with `rubato keygen`"));
}

absl::StatusOr<std::shared_ptr<KeyRing>> KeyRing::Open(const std::string& folder, KeyRole role) {
  const std::string path = KeyFileOf(folder, role);
  ASSIGN_OR_RETURN(KeyPair own, LoadKeyPair(path));
  std::shared_ptr<KeyRing> ring(new KeyRing(folder, std::move(own)));
  RETURN_IF_ERROR(ring->Load());
  const std::shared_ptr<const AllowList> allowed = ring->allowed();
  const Grant* grant = allowed->Find(ring->own_.public_key);
  if (grant == nullptr || grant->role != role) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s does not have the public key of %s as that of a %s; are both of the same fleet?",
        AllowListOf(folder), path, KeyRoleName(role)));
  }
  if (role != KeyRole::kScheduler && allowed->KeysOf(KeyRole::kScheduler).empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        AllowListOf(folder), " has no scheduler's key, so there is nobody to trust; add it"));
  }
  return ring;
}

absl::StatusOr<std::shared_ptr<KeyRing>> FindKeys(const std::string& folder, KeyRole role) {
  if (folder.empty()) return std::shared_ptr<KeyRing>();
  return KeyRing::Open(folder, role);
}

std::shared_ptr<const AllowList> KeyRing::allowed() const {
  const MutexLock lock(&mutex_);
  return allowed_;
}

KeyRing::Stamp KeyRing::StampNow() const {
  struct stat is {};
  if (stat(AllowListOf(folder_).c_str(), &is) != 0) return {};
  return {is.st_mtim.tv_sec, is.st_mtim.tv_nsec, is.st_ino, is.st_size};
}

absl::Status KeyRing::Refresh() {
  const Stamp now = StampNow();
  {
    const MutexLock lock(&mutex_);
    // A list that is gone for a moment is being replaced.
    if (now == stamp_ || now == Stamp()) return absl::OkStatus();
  }
  return Load();
}

absl::Status KeyRing::Load() {
  const Stamp stamp = StampNow();
  const std::string path = AllowListOf(folder_);
  ASSIGN_OR_RETURN(const FileDescriptor file, OpenToRead(path));
  RETURN_IF_ERROR(CheckOwnerWrites(file, path));
  ASSIGN_OR_RETURN(const std::string text, ReadAll(file, path));
  absl::StatusOr<AllowList> list = AllowList::Parse(text, path);
  const MutexLock lock(&mutex_);
  stamp_ = stamp;
  if (!list.ok()) return list.status();
  allowed_ = std::make_shared<const AllowList>(*std::move(list));
  return absl::OkStatus();
}

}  // namespace rubato
