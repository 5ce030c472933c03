#include "common/keys/key_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr uint64_t kMaxListBytes = 16u << 20;
constexpr const char* kHead =
    "# Who may take part in this fleet: a role, a public key, and what it is limited to\n"
    "# (tables=NAME,NAME pull_mib_per_second=N). All processes read it again when it changes.\n";

std::string TextOf(const KeyPair& pair) {
  return absl::StrCat("public ", pair.public_key, "\nsecret ", pair.secret_key, "\n");
}

std::string LineOf(KeyRole role, const KeyPair& pair) {
  return absl::StrFormat("%-9s %s\n", KeyRoleName(role), pair.public_key);
}

// The list's lines with `change` made to each; "" leaves one out.
absl::Status ChangeList(const std::string& folder,
                        const std::function<std::string(const std::string&)>& change) {
  const std::string path = AllowListOf(folder);
  ASSIGN_OR_RETURN(const std::string before, ReadSmallFile(path, kMaxListBytes));
  RETURN_IF_ERROR(AllowList::Parse(before, path).status());
  std::string after;
  const std::vector<std::string> lines = absl::StrSplit(before, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    after += change(line);
  }
  RETURN_IF_ERROR(AllowList::Parse(after, path).status());
  return WriteFileAtomically(path, after);
}

}  // namespace

absl::Status MakeKeyFolder(const std::string& folder, const MakeKeyPair& make) {
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return FileError(errno, "making", folder);
  }
  if (access(AllowListOf(folder).c_str(), F_OK) == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " has keys already; name another folder, or replace one of them (--rotate ROLE)"));
  }
  std::string list = kHead;
  for (const KeyRole role : kKeyRoles) {
    const KeyPair pair = make();
    RETURN_IF_ERROR(WriteNewFile(KeyFileOf(folder, role), TextOf(pair)));
    list += LineOf(role, pair);
  }
  // Last: a folder with a list is whole.
  return WriteFileAtomically(AllowListOf(folder), list);
}

absl::Status RotateKey(const std::string& folder, KeyRole role, const MakeKeyPair& make) {
  const std::string path = KeyFileOf(folder, role);
  ASSIGN_OR_RETURN(const KeyPair old, LoadKeyPair(path));
  const KeyPair fresh = make();
  bool found = false;
  RETURN_IF_ERROR(ChangeList(folder, [&](const std::string& line) {
    if (absl::StartsWith(line, "#") || !absl::StrContains(line, old.public_key)) {
      return absl::StrCat(line, "\n");
    }
    found = true;
    return absl::StrCat(line, "\n", absl::StrReplaceAll(line, {{old.public_key, fresh.public_key}}),
                        "\n");
  }));
  if (!found) {
    return absl::FailedPreconditionError(
        absl::StrCat(AllowListOf(folder), " does not have the public key of ", path));
  }
  return WriteFileAtomically(path, TextOf(fresh));
}

absl::Status RetireKeys(const std::string& folder) {
  std::vector<std::string> current;
  for (const KeyRole role : kKeyRoles) {
    ASSIGN_OR_RETURN(const KeyPair pair, LoadKeyPair(KeyFileOf(folder, role)));
    current.push_back(pair.public_key);
  }
  return ChangeList(folder, [&](const std::string& line) {
    const bool stays = absl::StartsWith(line, "#") ||
                       std::any_of(current.begin(), current.end(), [&](const std::string& key) {
                         return absl::StrContains(line, key);
                       });
    return stays ? absl::StrCat(line, "\n") : "";
  });
}

}  // namespace rubato
