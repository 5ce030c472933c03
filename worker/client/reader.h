// Reading a trained model from a fleet: a life as a reader, and the weights that some rows need.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/stop_signals.h"
#include "common/job/job.h"
#include "worker/client/session.h"
#include "worker/spec/parameters.h"

namespace rubato {

class Reader {
 public:
  // Joins the fleet behind `scheduler`; Unavailable if it does not answer within a minute.
  // `signals` outlives the reader; what waits when one arrives is Cancelled.
  static absl::StatusOr<std::unique_ptr<Reader>> Join(const Job& job, const std::string& scheduler,
                                                      StopSignals* signals,
                                                      std::shared_ptr<KeyRing> keys = nullptr);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // `keys` with their weights, as they are now; asked for again in a next life when the fleet ends
  // this one. Unavailable when it says nothing for a minute; a shard that loads says so.
  absl::StatusOr<Parameters> Pull(Parameters keys);
  // A piece of work is done; OK unless a signal has arrived. To be asked now and then by whoever
  // works for long with what was pulled: a reader that does nothing is put out of the fleet.
  absl::Status GoOn();

 private:
  Reader(std::unique_ptr<Session> session, StopSignals* signals)
      : session_(std::move(session)), signals_(signals) {}
  // The next event of this kind; nullopt if the life ends before.
  template <class Wanted>
  absl::StatusOr<std::optional<Wanted>> Await(const std::string& what);
  absl::Status AwaitLife();

  std::unique_ptr<Session> session_;
  StopSignals* const signals_;
};

}  // namespace rubato
