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

// What is left once it is filled up.
double Doorman::Fill(uint64_t per_second, Instant now, Budget* budget) {
  const double full = static_cast<double>(per_second);  // of one second
  budget->left =
      budget->at ? std::min(full, budget->left + full * (now - *budget->at).seconds()) : full;
  budget->at = now;
  return budget->left;
}

bool Doorman::MayCome(const std::string& key, uint64_t bytes, Instant now) {
  if (!keys_) return true;
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  if (grant == nullptr) return true;  // for Admit to refuse
  KeyUse& use = uses_[key];
  use.role = grant->role;
  const uint64_t most_bytes = grant->push_bytes_per_second;
  const uint64_t most_messages = grant->messages_per_second;
  if (most_bytes > 0 || most_messages > 0) {
    Budgets& budgets = budgets_[key];
    if ((most_bytes > 0 && Fill(most_bytes, now, &budgets.pushes) <= 0) ||
        (most_messages > 0 && Fill(most_messages, now, &budgets.messages) < 1)) {
      use.beyond += 1;
      return false;
    }
    budgets.pushes.left -= static_cast<double>(bytes);
    budgets.messages.left -= 1;
  }
  use.taken_bytes += bytes;
  return true;
}

bool Doorman::MaySend(const std::string& key, Instant now) {
  if (!keys_) return true;
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  if (grant == nullptr) return false;
  const uint64_t most = grant->pull_bytes_per_second;
  return most == 0 || Fill(most, now, &budgets_[key].pulls) > 0;
}

void Doorman::NoteSent(const std::string& key, uint64_t bytes, Instant now) {
  if (!keys_) return;
  const std::shared_ptr<const AllowList> allowed = keys_->allowed();
  const Grant* grant = allowed->Find(key);
  if (grant == nullptr) return;
  uses_[key].sent_bytes += bytes;
  if (grant->pull_bytes_per_second == 0) return;
  Budget& pulls = budgets_[key].pulls;
  Fill(grant->pull_bytes_per_second, now, &pulls);
  pulls.left -= static_cast<double>(bytes);
}

}  // namespace rubato
