#include "common/process/telemetry_stream.h"

#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/log.h"
#include "common/base/open_files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/wire/endpoint.h"

namespace rubato {
namespace {

constexpr Duration kTick = Duration::Millis(20);
// What a process waits at its end for lines to arrive; less where they cannot even be sent, and
// whoever started it reads them anyway.
constexpr Duration kLastWords = Duration::Seconds(1);
constexpr Duration kUnheard = Duration::Millis(100);
// Who has nothing to tell says so: a scheduler that has taken another's place learns by it for
// whose last words it is to wait.
constexpr Duration kSilence = Duration::Millis(250);

// To the scheduler.
class Connection {
 public:
  Connection(const TelemetryStream::Fleet& fleet, bool alone, EventLog* events,
             std::unique_ptr<Endpoint> endpoint)
      : fleet_(fleet), alone_(alone), events_(events), endpoint_(std::move(endpoint)) {}

  void Step() {
    for (const Decoded& decoded : endpoint_->Receive(kTick)) {
      const auto* ack = std::get_if<TelemetryAck>(&decoded.message);
      if (ack != nullptr && decoded.from == kSchedulerNonce) events_->Acknowledged(ack->next);
    }
    const Instant now = MonotonicNow();
    std::optional<LineBatch> batch = events_->Due(now);
    if (!batch && now - spoke_at_ < kSilence) return;
    Telemetry message{.role = fleet_.role,
                      .index = fleet_.index,
                      .job_fingerprint = fleet_.job_fingerprint,
                      .alone = alone_,
                      .lines = {}};
    if (batch) {
      message.first = batch->first;
      message.lines = std::move(batch->lines);
    }
    if (endpoint_->Send(kSchedulerNonce, message) == SendResult::kSent) {
      spoke_at_ = now;
      unheard_since_.reset();
    } else {
      events_->NotSent();
      // A scheduler waits for the last words of one that is alone, also of one whose life was
      // shorter than its connection took to stand.
      if (!unheard_since_ && !alone_) unheard_since_ = now;
    }
  }

  // Whether what is left may be given up, of a process that has been ending since `began`.
  bool GivesUp(Instant began) const {
    const Instant now = MonotonicNow();
    return now - began > kLastWords || (unheard_since_ && now - *unheard_since_ > kUnheard);
  }

 private:
  const TelemetryStream::Fleet& fleet_;
  const bool alone_;
  EventLog* const events_;
  const std::unique_ptr<Endpoint> endpoint_;
  Instant spoke_at_;
  std::optional<Instant> unheard_since_;  // nothing could be sent, of one that is not alone
};

}  // namespace

TelemetryStream::TelemetryStream(EventLog* events, bool alone)
    : events_(events), alone_(alone), process_(RandomSeed() | 1) {}

void TelemetryStream::Open(Fleet fleet) {
  const absl::Status files = NeedOpenFiles(FilesOfEndpoint(1) + fleet.files_needed,
                                           "sending events to the scheduler as well");
  if (!files.ok()) return LogWarning(std::string(files.message()));
  auto thread = StartThread([this, fleet = std::move(fleet)] { Run(fleet); });
  if (thread.ok()) thread_ = *std::move(thread);
}

void TelemetryStream::End() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

void TelemetryStream::Run(const Fleet& fleet) {
  auto endpoint = Endpoint::Open({.self = process_, .listen = "", .peers = 1, .keys = fleet.keys});
  const absl::Status status = endpoint.ok()
                                  ? (*endpoint)->Connect(kSchedulerNonce, {fleet.scheduler, ""})
                                  : endpoint.status();
  if (!status.ok()) {
    return LogInfo(absl::StrCat("events are not sent: ", std::string(status.message())));
  }
  Connection connection(fleet, alone_, events_, *std::move(endpoint));
  std::optional<Instant> ending_since;
  while (!ending_since || (!events_->AllSent() && !connection.GivesUp(*ending_since))) {
    if (ending_ && !ending_since) ending_since = MonotonicNow();
    connection.Step();
  }
}

}  // namespace rubato
