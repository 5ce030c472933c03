// Sends what a process tells to the scheduler, over a connection and on a thread of its own, from
// the moment that the process knows its fleet to its last word. Nothing waits for it, but the end
// of the process for a moment; and what goes wrong here costs lines, and no run.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "common/base/ids.h"
#include "common/keys/key_ring.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/message.h"

namespace rubato {

class TelemetryStream {
 public:
  struct Fleet {
    std::string scheduler;  // address
    Role role = Role::kWorker;
    uint32_t index = 0;  // as of Telemetry
    uint64_t job_fingerprint = 0;
    uint64_t files_needed = 0;                // open files that this process needs beside
    std::shared_ptr<KeyRing> keys = nullptr;  // null: none
  };

  // `events` outlives it. `alone`: as of Telemetry.
  TelemetryStream(EventLog* events, bool alone);
  ~TelemetryStream() { End(); }
  TelemetryStream(const TelemetryStream&) = delete;
  TelemetryStream& operator=(const TelemetryStream&) = delete;

  // Once, when the process knows its fleet; before, what it tells is kept. Where open files are few
  // nothing is sent.
  void Open(Fleet fleet);
  // Under which it speaks: Hello::process.
  Nonce process() const { return process_; }
  // Nothing more is told. Returns when all has arrived, or after a moment: a second, much less
  // where there is no scheduler any more and the process is not alone.
  void End();

 private:
  void Run(const Fleet& fleet);

  EventLog* const events_;
  const bool alone_;
  const Nonce process_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace rubato
