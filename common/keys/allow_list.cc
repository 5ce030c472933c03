#include "common/keys/allow_list.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr absl::string_view kZ85Punctuation = ".-:+=^!/*?&<>()[]{}@%$#";
constexpr size_t kMaxKeys = 65536;
constexpr uint64_t kMaxMiBPerSecond = 1u << 20;
constexpr uint64_t kMaxMessagesPerSecond = 1u << 30;
constexpr size_t kShortKey = 8;  // of 85 to the 8th: two of 65,536 keys are alike once in a million

// NAME=NUMBER: a field of a grant.
struct RateLimit {
  const char* name;
  const char* of;  // what is counted
  uint64_t most;
  uint64_t unit;
  uint64_t Grant::*field;
};
constexpr RateLimit kRateLimits[] = {
    {"pull_mib_per_second=", "MiB", kMaxMiBPerSecond, 1u << 20, &Grant::pull_bytes_per_second},
    {"push_mib_per_second=", "MiB", kMaxMiBPerSecond, 1u << 20, &Grant::push_bytes_per_second},
    {"messages_per_second=", "messages", kMaxMessagesPerSecond, 1, &Grant::messages_per_second},
};

absl::Status Limit(absl::string_view word, Grant* grant) {
  absl::string_view rest = word;
  if (absl::ConsumePrefix(&rest, "tables=")) {
    grant->tables = absl::StrSplit(rest, ',', absl::SkipEmpty());
    if (!grant->tables.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("tables= names no table");
  }
  for (const RateLimit& limit : kRateLimits) {
    if (!absl::ConsumePrefix(&rest, limit.name)) continue;
    uint64_t number = 0;
    if (!absl::SimpleAtoi(rest, &number) || number == 0 || number > limit.most) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "'%s' is no whole number of %s from 1 to %d", word, limit.of, limit.most));
    }
    grant->*limit.field = number * limit.unit;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("'%s' is no limit; there are tables=NAME,NAME, pull_mib_per_second=N, "
                      "push_mib_per_second=N and messages_per_second=N",
                      word));
}

absl::StatusOr<std::pair<std::string, Grant>> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  const std::optional<KeyRole> role = FindKeyRole(words[0]);
  if (!role) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "'%s' is no role; it must be one of scheduler, server, worker, reader, admin", words[0]));
  }
  if (words.size() < 2 || !IsKey(words[1])) {
    return absl::InvalidArgumentError(
        absl::StrFormat("after '%s' comes a public key of %d characters", words[0], kKeyLength));
  }
  Grant grant{.role = *role, .tables = {}};
  for (size_t i = 2; i < words.size(); ++i) RETURN_IF_ERROR(Limit(words[i], &grant));
  return std::pair(std::string(words[1]), std::move(grant));
}

}  // namespace

const char* KeyRoleName(KeyRole role) {
  switch (role) {
    case KeyRole::kScheduler:
      return "scheduler";
    case KeyRole::kServer:
      return "server";
    case KeyRole::kWorker:
      return "worker";
    case KeyRole::kReader:
      return "reader";
    case KeyRole::kAdmin:
      break;
  }
  return "admin";
}

std::optional<KeyRole> FindKeyRole(absl::string_view name) {
  for (const KeyRole role : kKeyRoles) {
    if (name == KeyRoleName(role)) return role;
  }
  return std::nullopt;
}

bool IsKey(absl::string_view text) {
  return text.size() == kKeyLength && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::StrContains(kZ85Punctuation, c);
         });
}

std::string ShortKey(absl::string_view public_key) {
  return std::string(public_key.substr(0, kShortKey));
}

absl::StatusOr<AllowList> AllowList::Parse(absl::string_view text, const std::string& path) {
  AllowList list;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const auto refused = [&](absl::string_view why) {
      return absl::InvalidArgumentError(absl::StrFormat("%s:%d: %s", path, number, why));
    };
    const absl::string_view content = absl::StripAsciiWhitespace(line);
    // '#' also stands in keys: a comment has a line of its own.
    if (content.empty() || content[0] == '#') continue;
    auto entry = ParseLine(content);
    if (!entry.ok()) return refused(entry.status().message());
    if (list.order_.size() == kMaxKeys) return refused("more keys than a list may have");
    list.order_.emplace_back(entry->first, entry->second.role);
    if (!list.grants_.insert(*std::move(entry)).second)
      return refused("this key stands there twice");
  }
  return list;
}

const Grant* AllowList::Find(absl::string_view public_key) const {
  const auto found = grants_.find(public_key);
  return found == grants_.end() ? nullptr : &found->second;
}

std::vector<std::string> AllowList::KeysOf(KeyRole role) const {
  std::vector<std::string> keys;
  for (const auto& [key, of] : order_) {
    if (of == role) keys.push_back(key);
  }
  return keys;
}

}  // namespace rubato
