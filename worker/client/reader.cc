#include "worker/client/reader.h"

#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr Duration kWaitStep = Duration::Millis(100);
constexpr Duration kAnswerWithin = Duration::Seconds(60);

}  // namespace

absl::StatusOr<std::unique_ptr<Reader>> Reader::Join(const Job& job, const std::string& scheduler,
                                                     StopSignals* signals,
                                                     std::shared_ptr<KeyRing> keys) {
  PsClientOptions options;
  options.job = job;
  options.role = Role::kReader;
  ASSIGN_OR_RETURN(auto session, Session::Open(std::move(options), scheduler, std::move(keys)));
  std::unique_ptr<Reader> reader(new Reader(std::move(session), signals));
  RETURN_IF_ERROR(reader->AwaitLife());
  return reader;
}

Reader::~Reader() { session_->Leave(); }

absl::StatusOr<Parameters> Reader::Pull(Parameters keys) {
  for (;;) {
    session_->Read(Clock(0), keys);
    ASSIGN_OR_RETURN(std::optional<Ready> ready, Await<Ready>("the weights"));
    if (ready) return std::move(ready->rows);
    RETURN_IF_ERROR(AwaitLife());
  }
}

absl::Status Reader::AwaitLife() {
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Started> started, Await<Started>("a place in the fleet"));
    if (started) return absl::OkStatus();
  }
}

absl::Status Reader::GoOn() {
  session_->NoteWork();
  return signals_->GoOn();
}

template <class Wanted>
absl::StatusOr<std::optional<Wanted>> Reader::Await(const std::string& what) {
  Instant heard = MonotonicNow();
  AwakeClock clock(heard, kAsleepAfter);
  for (Instant now = heard; now - heard < kAnswerWithin; now = clock.Read(MonotonicNow())) {
    RETURN_IF_ERROR(signals_->GoOn());
    RETURN_IF_ERROR(session_->CheckScheduler());
    std::optional<ClientEvent> event = session_->Next(kWaitStep);
    if (!event) continue;
    heard = now;
    if (auto* wanted = std::get_if<Wanted>(&*event)) return std::optional(std::move(*wanted));
    if (const auto* refused = std::get_if<Refused>(&*event)) {
      return absl::FailedPreconditionError(refused->sentence);
    }
    if (std::holds_alternative<Reset>(*event)) return std::optional<Wanted>();
  }
  return absl::UnavailableError(absl::StrCat("the fleet did not give ", what, " within ",
                                             kAnswerWithin.seconds(), " s: see its logs"));
}

}  // namespace rubato
