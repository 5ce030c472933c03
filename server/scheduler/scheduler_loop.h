// Drives a Scheduler with real time, sockets and a state file, until the run ends or is stopped.
//
// What may leave when is WriteAhead's business: while the disk is full nothing does, and the fleet
// trains on without commits. What is expected of others within some time counts only time in which
// this process was awake.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "common/base/pulse.h"
#include "common/base/stop_signals.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/endpoint.h"
#include "common/wire/refusals.h"
#include "server/scheduler/fleet_lines.h"
#include "server/scheduler/orders.h"
#include "server/scheduler/scheduler.h"
#include "server/scheduler/shard_watch.h"
#include "server/scheduler/write_ahead.h"

namespace rubato {

struct SchedulerLoopOptions {
  std::string listen;
  // As of AdvertisedAddress; "": who needs it knows where it listens.
  std::string advertise = {};
  std::shared_ptr<KeyRing> keys = nullptr;  // null: none, and only loopback
  std::string state_path;                   // "": nothing is kept (a fleet that only serves)
  bool state_kept = false;  // it is there as it is: a disk that is full is no reason not to begin
  Pulse pulse = {};
  // Servers and workers of the fleet, where nobody but this scheduler tells them that the run is
  // over; 0: a launcher ends them. It tells each; and where the run was over at the start it waits
  // for all of them to come and hear it, as long as they would wait for a scheduler.
  uint32_t processes = 0;
};

// How a run ended.
enum class RunEnd {
  kFinished,  // the last clock is committed and every worker has left
  kStopped,   // a signal, and a snapshot committed after it
};

class SchedulerLoop {
 public:
  static absl::StatusOr<std::unique_ptr<SchedulerLoop>> Open(SchedulerLoopOptions options,
                                                             SchedulerOptions scheduler,
                                                             SchedulerState state,
                                                             EventLog* events);
  // Serves until the run ends. A fleet that only serves ends with the first signal. An
  // operator's order is a signal, too. Cancelled: a second signal, or no snapshot could be
  // committed after the first. Who is alone in the fleet is told that it is over, and with what
  // exit code; and what it says last is still heard.
  absl::StatusOr<RunEnd> Run(StopSignals* signals);
  // Where it listens, with the port that was chosen.
  const std::string& address() const { return endpoint_->address(); }

 private:
  SchedulerLoop(SchedulerLoopOptions options, SchedulerOptions scheduler, SchedulerState state,
                EventLog* events);
  absl::StatusOr<RunEnd> RunToEnd(StopSignals* signals);
  TelemetryAck Take(Nonce from, const Telemetry& told);
  void RequestSnapshot();
  static absl::Status StoppedAtOnce(int signals, const std::string& by);
  void EndFleet(int code, StopSignals* signals);
  void EndLatecomers(int code, StopSignals* signals);
  void TellEnd(const FleetEnd& message, Duration patience, StopSignals* signals,
               const std::function<bool(std::optional<Nonce>)>& done);
  bool Saved(SnapshotNumber committed_at_stop) const;
  absl::Status Step(Duration timeout, StopSignals* signals);
  bool Answer(const Decoded& decoded, StopSignals* signals);
  void Flush(Instant now, SchedulerOutput out);
  void Save(Instant now, const SchedulerState& state);
  absl::Status CheckDisk() const;
  bool Trained() const;
  absl::Status LostBy(const SchedulerEvent& event) const;
  void Tell(const SchedulerEvent& event);
  void TellSilence();
  void TellView();
  void TellRefusals(Instant now);
  bool Done() const;
  void TellDone();

  const SchedulerLoopOptions options_;
  const Duration lease_;
  EventLog* const events_;
  FleetLines lines_;
  Orders orders_;
  Scheduler scheduler_;
  std::unique_ptr<Endpoint> endpoint_;
  WriteAhead ahead_;
  AwakeClock clock_;
  Instant awake_;  // its time in this step, which all others below are of
  ShardWatch shards_;
  RefusalWatch refusals_;
  Instant told_view_at_;
  Instant finished_at_;  // newest moment at which the run was not finished
  absl::Status lost_;
};

}  // namespace rubato
