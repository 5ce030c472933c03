#include "server/scheduler/fleet_lines.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/telemetry/process_events.h"
#include "common/telemetry/told_line.h"

namespace rubato {
namespace {

// What its lines may call it. A reader has no number of its own: those of a fleet are called alike.
bool IsNameOf(Role role, uint32_t index, absl::string_view name) {
  switch (role) {
    case Role::kShard:
      return name == absl::StrCat("server-", index);
    case Role::kWorker:
      return name == absl::StrCat("worker-", index);
    case Role::kReader:
      return name == absl::StrCat("evaluate-", index) || name == absl::StrCat("predict-", index);
  }
  return false;
}

}  // namespace

FleetLines::FleetLines(const Job& job, EventLog* events)
    : job_fingerprint_(job.Fingerprint()),
      places_(job.places),
      seats_(job.seats),
      events_(events) {}

TelemetryAck FleetLines::Take(Nonce from, const Telemetry& message, bool superseded) {
  const TelemetryAck all{message.first + message.lines.size()};
  const std::pair process(message.role, message.index);
  if (superseded || !IsOfJob(message)) {
    const auto going = going_.find(process);
    if (superseded && going != going_.end() && going->second == from) going_.erase(going);
    refused_ += message.lines.size();
    return all;
  }
  if (message.alone && !receiver_.Knows(from)) going_[process] = from;
  for (const std::string& line : receiver_.Take(from, message.first, message.lines)) {
    std::string event;
    if (!MayWrite(message, line, &event)) {
      ++refused_;
      continue;
    }
    events_->Relay(line);
    if (event != EndedEvent::kEvent) continue;
    ended_.insert(process);
    const auto going = going_.find(process);
    if (going != going_.end() && going->second == from) going_.erase(going);
  }
  return {receiver_.Next(from)};
}

bool FleetLines::IsOfJob(const Telemetry& message) const {
  if (message.job_fingerprint != job_fingerprint_) return false;
  switch (message.role) {
    case Role::kShard:
      return message.index < places_;
    case Role::kWorker:
      return message.index < seats_;
    case Role::kReader:
      return message.index == 0;
  }
  return false;
}

bool FleetLines::MayWrite(const Telemetry& message, const std::string& line,
                          std::string* event) const {
  auto told = ReadToldLine(line);
  if (!told.ok() || !IsNameOf(message.role, message.index, told->process)) return false;
  *event = std::move(told->event);
  return true;
}

}  // namespace rubato
