// The events of all processes of a fleet, which a scheduler writes among its own: each line once,
// as it is, and by nobody in another's name.
//
// A stream counts like a Hello: who knows the job may open one, as a process that the job has. With
// keys the endpoint has checked the role; what the lines themselves say is checked here. What is
// refused is acknowledged too, as it would be refused again.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "common/job/job.h"
#include "common/telemetry/line_receiver.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/message.h"

namespace rubato {

class FleetLines {
 public:
  // `events` must outlive it.
  FleetLines(const Job& job, EventLog* events);

  // `superseded`: a newer process has the seat or place of this one, which speaks for it alone.
  TelemetryAck Take(Nonce from, const Telemetry& message, bool superseded = false);
  // Lines that were not written.
  uint64_t refused() const { return refused_; }
  // Whether all processes that no launcher ends, of those that have told anything, have told their
  // end. Who has been followed by another of its name is not asked.
  bool AllEnded() const { return going_.empty(); }
  // Processes that have told their end, or somebody of that name.
  size_t ended() const { return ended_.size(); }

 private:
  bool IsOfJob(const Telemetry& message) const;
  bool MayWrite(const Telemetry& message, const std::string& line, std::string* event) const;

  const uint64_t job_fingerprint_;
  const uint32_t places_;
  const uint32_t seats_;
  EventLog* const events_;
  LineReceiver receiver_;
  std::map<std::pair<Role, uint32_t>, Nonce> going_;  // alone, and have not told their end
  std::set<std::pair<Role, uint32_t>> ended_;
  uint64_t refused_ = 0;
};

}  // namespace rubato
