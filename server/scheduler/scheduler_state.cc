#include "server/scheduler/scheduler_state.h"

#include <filesystem>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/checksummed_bytes.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/wire/wire.h"
#include "flatbuffers/flatbuffers.h"
#include "schemas/snapshot_generated.h"

namespace rubato {
namespace {

constexpr char kMagic[] = "RBTsched";
constexpr uint32_t kFormat = 1;

absl::StatusOr<View> ViewFrom(const flatbuffers::Vector<uint8_t>* bytes) {
  if (bytes == nullptr) return absl::DataLossError("it holds no view");
  const Buffer header = Buffer::Copy(std::span<const uint8_t>(bytes->data(), bytes->size()));
  absl::StatusOr<Decoded> decoded = Decode({&header, 1});
  if (!decoded.ok()) {
    return absl::DataLossError(
        absl::StrCat("its view cannot be read: ", decoded.status().message()));
  }
  auto* view = std::get_if<View>(&decoded->message);
  if (view == nullptr) return absl::DataLossError("it holds another message than a view");
  return std::move(*view);
}

template <class Number>
std::vector<Number> NumbersFrom(const flatbuffers::Vector<uint64_t>* list) {
  std::vector<Number> out;
  if (list == nullptr) return out;
  for (uint64_t value : CopyStructs<uint64_t>(list->Data(), list->size())) {
    out.emplace_back(value);
  }
  return out;
}

std::vector<Position> PositionsFrom(
    const flatbuffers::Vector<const snapshot_file::Position*>* list) {
  std::vector<Position> out;
  if (list == nullptr) return out;
  for (const auto& p : CopyStructs<snapshot_file::Position>(list->Data(), list->size())) {
    out.push_back({Life(p.life()), Clock(p.clock())});
  }
  return out;
}

std::vector<Contender> ContendersFrom(
    const flatbuffers::Vector<const snapshot_file::Contender*>* list) {
  std::vector<Contender> out;
  if (list == nullptr) return out;
  for (const auto& c : CopyStructs<snapshot_file::Contender>(list->Data(), list->size())) {
    out.push_back({SeatId(c.seat()), Nonce(c.process()), c.holds()});
  }
  return out;
}

std::vector<CommittedSnapshot> EarlierFrom(
    const flatbuffers::Vector<flatbuffers::Offset<snapshot_file::CommittedSnapshot>>* list) {
  std::vector<CommittedSnapshot> out;
  if (list == nullptr) return out;
  for (const snapshot_file::CommittedSnapshot* e : *list) {
    CommittedSnapshot snapshot{
        SnapshotNumber(e->number()), Clock(e->clock()), Generation(e->generation()), {}};
    for (const Life life : NumbersFrom<Life>(e->lives())) {
      const PlaceId place(static_cast<uint32_t>(snapshot.images.size()));
      snapshot.images.push_back({snapshot.number, place, life});
    }
    out.push_back(std::move(snapshot));
  }
  return out;
}

absl::StatusOr<SchedulerState> FromBuffer(const snapshot_file::SchedulerState& s) {
  SchedulerState state;
  ASSIGN_OR_RETURN(state.view, ViewFrom(s.view()));
  state.life_counter = s.life_counter();
  state.snapshot_counter = s.snapshot_counter();
  state.job_fingerprint = s.job_fingerprint();
  state.retired = NumbersFrom<Nonce>(s.retired());
  state.high_water = PositionsFrom(s.high_water());
  state.earlier = EarlierFrom(s.earlier());
  state.set_aside = NumbersFrom<SnapshotNumber>(s.set_aside());
  state.cut_opened_at = ViewVersion(s.cut_opened_at());
  state.pushes_lost = s.pushes_lost();
  for (const Position& p : PositionsFrom(s.torn())) state.torn[p.life] = p.clock - Clock(0);
  state.contenders = ContendersFrom(s.contenders());
  state.place_holders = NumbersFrom<Nonce>(s.place_holders());
  state.superseded = NumbersFrom<Nonce>(s.superseded());
  return state;
}

template <class Number>
flatbuffers::Offset<flatbuffers::Vector<uint64_t>> PutNumbers(flatbuffers::FlatBufferBuilder* b,
                                                              const std::vector<Number>& numbers) {
  std::vector<uint64_t> values;
  for (const Number number : numbers) values.push_back(number.value());
  return b->CreateVector(values);
}

auto PutContenders(flatbuffers::FlatBufferBuilder* b, const std::vector<Contender>& contenders) {
  std::vector<snapshot_file::Contender> values;
  for (const Contender& one : contenders) {
    values.emplace_back(one.seat.value(), one.holds, one.process.value());
  }
  return b->CreateVectorOfStructs(values);
}

flatbuffers::Offset<snapshot_file::CommittedSnapshot> PutSnapshot(
    flatbuffers::FlatBufferBuilder* b, const CommittedSnapshot& snapshot) {
  std::vector<Life> lives;
  for (const ImageName& image : snapshot.images) lives.push_back(image.life);
  return snapshot_file::CreateCommittedSnapshot(*b, snapshot.number.value(), snapshot.clock.value(),
                                                snapshot.generation.value(), PutNumbers(b, lives));
}

}  // namespace

absl::StatusOr<std::string> EncodeSchedulerState(const SchedulerState& state) {
  const Message message = state.view;
  RETURN_IF_ERROR(CheckMeaning(message));
  const Frames frames = Encode(kSchedulerNonce, message);
  CHECK(frames.size() == 1);
  std::vector<snapshot_file::Position> high_water;
  for (const Position& p : state.high_water) {
    high_water.emplace_back(p.life.value(), p.clock.value());
  }
  flatbuffers::FlatBufferBuilder b;
  const auto* header = reinterpret_cast<const uint8_t*>(frames[0].data());
  const auto view = b.CreateVector(header, frames[0].size());
  const auto retired = PutNumbers(&b, state.retired);
  const auto positions = b.CreateVectorOfStructs(high_water);
  std::vector<flatbuffers::Offset<snapshot_file::CommittedSnapshot>> earlier;
  for (const CommittedSnapshot& snapshot : state.earlier) {
    earlier.push_back(PutSnapshot(&b, snapshot));
  }
  const auto earlier_list = b.CreateVector(earlier);
  const auto set_aside = PutNumbers(&b, state.set_aside);
  std::vector<snapshot_file::Position> torn;
  for (const auto& [life, lacking] : state.torn) torn.emplace_back(life.value(), lacking.value());
  const auto torn_list = b.CreateVectorOfStructs(torn);
  const auto contenders = PutContenders(&b, state.contenders);
  const auto places = PutNumbers(&b, state.place_holders);
  b.Finish(snapshot_file::CreateSchedulerState(
      b, kFormat, view, state.life_counter, state.snapshot_counter, state.job_fingerprint, retired,
      positions, earlier_list, set_aside, state.cut_opened_at.value(), state.pushes_lost, torn_list,
      contenders, places, PutNumbers(&b, state.superseded)));
  return ChecksummedBytes(
      kMagic, {reinterpret_cast<const char*>(b.GetBufferPointer()), size_t{b.GetSize()}});
}

absl::StatusOr<SchedulerState> DecodeSchedulerState(absl::string_view file) {
  if (file.size() > kMaxSchedulerStateBytes) {
    return absl::DataLossError(
        absl::StrFormat("it is longer than %d bytes", kMaxSchedulerStateBytes));
  }
  ASSIGN_OR_RETURN(const AlignedBytes payload, PayloadOf(kMagic, file));
  flatbuffers::Verifier verifier(payload.data(), payload.size(), /*max_depth=*/4,
                                 /*max_tables=*/4 + kMaxKeptSnapshots);
  if (!verifier.VerifyBuffer<snapshot_file::SchedulerState>(nullptr)) {
    return absl::DataLossError("it is not a scheduler's state");
  }
  const auto& buffer = *flatbuffers::GetRoot<snapshot_file::SchedulerState>(payload.data());
  if (buffer.format() != kFormat) {
    return absl::DataLossError(absl::StrFormat("it has format %d and this version reads format %d",
                                               buffer.format(), kFormat));
  }
  return FromBuffer(buffer);
}

absl::Status WriteSchedulerState(const std::string& path, const SchedulerState& state) {
  ASSIGN_OR_RETURN(const std::string file, EncodeSchedulerState(state));
  if (file.size() > kMaxSchedulerStateBytes) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "the scheduler's state for %s has %d bytes, more than %d; start a new run from its "
        "last snapshot",
        path, file.size(), kMaxSchedulerStateBytes));
  }
  return WriteFileAtomically(path, file);
}

absl::StatusOr<SchedulerState> ReadSchedulerState(const std::string& path) {
  absl::StatusOr<std::string> file = ReadSmallFile(path, kMaxSchedulerStateBytes);
  if (!file.ok()) return file.status();
  absl::StatusOr<SchedulerState> state = DecodeSchedulerState(*file);
  if (state.ok()) return state;
  return absl::DataLossError(absl::StrFormat(
      "scheduler's state %s is damaged: %s; restore it from a copy, or start the "
      "run over: `rm -r %s`, then `rubato train` and --resume",
      path, state.status().message(), std::filesystem::path(path).parent_path().string()));
}

}  // namespace rubato
