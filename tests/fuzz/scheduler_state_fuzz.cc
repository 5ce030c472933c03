// The scheduler's state must survive any bytes, and what is accepted must survive a round trip.
// Input: one byte of mode, then 0: a file; 1: a payload, which gets its header; other: three-byte
// edits (offset, offset, byte) of the payload of a legal state.
//
// Decoders: server/scheduler/scheduler_state.cc
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "common/base/checksummed_bytes.h"
#include "common/base/status.h"
#include "server/scheduler/scheduler_state.h"
#include "tests/common/wire/random_message.h"
#include "tests/scratch_folder.h"

namespace {

constexpr char kMagic[] = "RBTsched";
constexpr size_t kHeaderBytes = 24;
constexpr size_t kViewKind = 3;

std::string LegalPayload(uint8_t seed) {
  rubato::RandomMessages messages(seed);
  rubato::SchedulerState state;
  state.view = std::get<rubato::View>(messages.OfKind(kViewKind));
  state.life_counter = 9;
  state.retired = {rubato::Nonce(5), rubato::Nonce(6)};
  state.high_water = {{rubato::Life(4), rubato::Clock(300)}};
  const rubato::SnapshotNumber snapshot(3);
  state.earlier = {{snapshot,
                    rubato::Clock(200),
                    rubato::Generation(1),
                    {{snapshot, rubato::PlaceId(0), rubato::Life(2)}}}};
  state.set_aside = {rubato::SnapshotNumber(4)};
  return rubato::EncodeSchedulerState(state).value().substr(kHeaderBytes);
}

std::string Edited(std::string payload, absl::string_view edits) {
  for (; edits.size() >= 3; edits.remove_prefix(3)) {
    const size_t offset = static_cast<uint8_t>(edits[0]) + 256U * static_cast<uint8_t>(edits[1]);
    payload[offset % payload.size()] = edits[2];
  }
  return payload;
}

std::string FileOf(uint8_t mode, absl::string_view rest) {
  if (mode == 0) return std::string(rest);
  if (mode == 1) return rubato::ChecksummedBytes(kMagic, rest);
  return rubato::ChecksummedBytes(kMagic, Edited(LegalPayload(mode), rest));
}

// A seventh of the inputs by way of a file, which costs system calls.
absl::StatusOr<rubato::SchedulerState> Read(const std::string& file, uint8_t mode) {
  if (mode % 7 != 0) return rubato::DecodeSchedulerState(file);
  static const rubato::ScratchFolder folder;
  const std::string path = folder.path() + "/state";
  std::ofstream(path, std::ios::binary) << file;
  auto state = rubato::ReadSchedulerState(path);
  return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto state = Read(FileOf(data[0], rest), data[0]);
  if (!state.ok()) return 0;
  const auto bytes = rubato::EncodeSchedulerState(*state);
  CHECK(bytes.ok(), bytes.status().ToString());
  const auto again = rubato::DecodeSchedulerState(*bytes);
  CHECK(again.ok() && *again == *state);
  return 0;
}
