// The scheduler's memory of a run on disk, replaced whole at every change: a scheduler that starts
// again goes on from here, so a life or a snapshot number is never given twice.
//
// Format, version 1: a checksummed file (common/base/checksummed_bytes.h) with the magic "RBTsched"
// and a FlatBuffer SchedulerState (schemas/snapshot.fbs). The view in it is the header frame of a
// View as common/wire/wire.h encodes it, so that a view has one form everywhere.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/scheduler/scheduler.h"

namespace rubato {

// A view of 1 MiB (wire.h), the nonces that are remembered (1 MiB) and the snapshots that are
// kept.
inline constexpr uint64_t kMaxSchedulerStateBytes = 32u << 20;

// Durable when it returns OK; the file before it stays if it fails. One writer per path.
absl::Status WriteSchedulerState(const std::string& path, const SchedulerState& state);
// NotFound if there is no such file: a fresh run. DataLoss if it is not whole.
absl::StatusOr<SchedulerState> ReadSchedulerState(const std::string& path);

// The bytes of the file. InvalidArgument for a view that nobody could read back.
absl::StatusOr<std::string> EncodeSchedulerState(const SchedulerState& state);
// Takes any bytes. DataLoss: a half sentence that begins with "it".
absl::StatusOr<SchedulerState> DecodeSchedulerState(absl::string_view file);

}  // namespace rubato
