#include "common/wire/doorman.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/status.h"

namespace rubato {
namespace {

absl::Status Denied(absl::string_view why) {
  return absl::PermissionDeniedError(absl::StrCat("message refused: ", why));
}

const std::vector<TableRows>* RowsIn(const Message& message) {
  if (const auto* pull = std::get_if<Pull>(&message)) return &pull->rows;
  if (const auto* push = std::get_if<Push>(&message)) return &push->rows;
  return nullptr;
}

}  // namespace

Doorman::Doorman(Listener where, std::shared_ptr<const KeyRing> keys, TableNames tables)
    : where_(where), keys_(std::move(keys)), tables_(std::move(tables)) {}

absl::Status Doorman::Admit(const std::string& key, const Message& message) {
  if (!DoorRule::ComesTo(where_, message)) {
    return Denied(where_ == Listener::kShard ? "no shard takes such a message"
                                             : "no scheduler takes such a message");
  }
  if (!keys_) return absl::OkStatus();
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  absl::Status verdict = Judge(key, grant, message);
  if (grant == nullptr && !uses_.contains(key)) return verdict;  // strangers cost no memory
  KeyUse& use = uses_[key];
  if (grant != nullptr) use.role = grant->role;
  use.messages += 1;
  use.refused += verdict.ok() ? 0u : 1u;
  return verdict;
}

absl::Status Doorman::Judge(const std::string& key, const Grant* grant,
                            const Message& message) const {
  if (grant == nullptr) {
    return Denied(
        absl::StrFormat("its sender's key %s is not, or no longer, in the list", ShortKey(key)));
  }
  if (!DoorRule::MaySay(grant->role, message)) {
    return Denied(absl::StrFormat("its sender's key %s is that of a %s, who may not say this",
                                  ShortKey(key), KeyRoleName(grant->role)));
  }
  const std::vector<TableRows>* rows = RowsIn(message);
  return rows == nullptr ? absl::OkStatus() : CheckTables(*grant, *rows);
}

absl::Status Doorman::CheckTables(const Grant& grant, const std::vector<TableRows>& rows) const {
  if (grant.tables.empty()) return absl::OkStatus();
  for (const TableRows& of : rows) {
    const auto name = tables_.find(of.table);
    if (name != tables_.end() && std::ranges::count(grant.tables, name->second) > 0) continue;
    return Denied(absl::StrFormat("its sender's key is not for table %d", of.table.value()));
  }
  return absl::OkStatus();
}

bool Doorman::MayCome(const std::string& key, uint64_t bytes, Instant now) {
  if (!keys_) return true;
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  if (grant == nullptr) return true;  // for Admit to refuse
  KeyUse& use = uses_[key];
  use.role = grant->role;
  const auto most_bytes = static_cast<double>(grant->push_bytes_per_second);
  const auto most_messages = static_cast<double>(grant->messages_per_second);
  if (most_bytes > 0 || most_messages > 0) {
    Budgets& budgets = budgets_[key];
    if ((most_bytes > 0 && budgets.pushes.Left(most_bytes, now) <= 0) ||
        (most_messages > 0 && budgets.messages.Left(most_messages, now) < 1)) {
      use.beyond += 1;
      return false;
    }
    budgets.pushes.Take(static_cast<double>(bytes));
    budgets.messages.Take(1);
  }
  use.taken_bytes += bytes;
  return true;
}

bool Doorman::MaySend(const std::string& key, Instant now) {
  if (!keys_) return true;
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  if (grant == nullptr) return false;
  const auto most = static_cast<double>(grant->pull_bytes_per_second);
  return most == 0 || budgets_[key].pulls.Left(most, now) > 0;
}

void Doorman::NoteSent(const std::string& key, uint64_t bytes, Instant now) {
  if (!keys_) return;
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  if (grant == nullptr) return;
  uses_[key].sent_bytes += bytes;
  if (grant->pull_bytes_per_second == 0) return;
  TokenBucket& pulls = budgets_[key].pulls;
  pulls.Left(static_cast<double>(grant->pull_bytes_per_second), now);
  pulls.Take(static_cast<double>(bytes));
}

}  // namespace rubato
