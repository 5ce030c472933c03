#include "common/wire/wire.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "common/base/checksummed_bytes.h"
#include "common/base/status.h"
#include "flatbuffers/flatbuffers.h"
#include "schemas/wire_generated.h"

namespace rubato {
namespace {

using flatbuffers::Offset;

// The tag of a message is its index in the variant, 1 for the first.
static_assert(static_cast<size_t>(wire::Body::MAX) == std::variant_size_v<Message>);

absl::Status Refused(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("message refused: ", why));
}

template <class T, class Rep>
std::optional<T> Typed(const flatbuffers::Optional<Rep>& value) {
  return value ? std::optional<T>(T(*value)) : std::nullopt;
}

// One byte more than `limit` at most, for CheckMeaning to refuse: many strings of a hostile header
// may share their bytes, so they are not copied whole before their lengths are known.
std::string Text(const flatbuffers::String* text, size_t limit) {
  if (text == nullptr) return "";
  return std::string(text->c_str(), std::min<size_t>(text->size(), limit + 1));
}

template <class T, class Struct, class Convert>
std::vector<T> TakeList(const flatbuffers::Vector<const Struct*>* list, Convert convert) {
  std::vector<T> out;
  if (list == nullptr) return out;
  out.reserve(list->size());
  for (const Struct& item : CopyStructs<Struct>(list->Data(), list->size())) {
    out.push_back(convert(item));
  }
  return out;
}

template <class T, class Rep>
std::vector<T> TakeNumbers(const flatbuffers::Vector<Rep>* list) {
  std::vector<T> out;
  if (list == nullptr) return out;
  out.reserve(list->size());
  for (const Rep number : CopyStructs<Rep>(list->Data(), list->size())) out.emplace_back(number);
  return out;
}

Position TakePosition(const wire::Position& p) { return {Life(p.life()), Clock(p.clock())}; }

Hello Take(const wire::Hello& m) {
  return {.role = static_cast<Role>(m.role()),
          .index = m.index(),
          .address = Text(m.address(), kMaxAddressBytes),
          .protocol = m.protocol(),
          .job_fingerprint = m.job_fingerprint(),
          .encoding_digest = m.encoding_digest(),
          .rows_digest = m.rows_digest(),
          .process = Nonce(m.process()),
          .key = ""};
}

Heartbeat Take(const wire::Heartbeat& m) {
  return {.life = Life(m.life()),
          .generation = Generation(m.generation()),
          .seen = ViewVersion(m.seen()),
          .clock = Clock(m.clock()),
          .leaving = m.leaving(),
          .log_fill = m.log_fill(),
          .gap = Typed<PlaceId>(m.gap()),
          .unprotected = m.unprotected(),
          .work = m.work(),
          .strikes = m.strikes(),
          .quarantined = Typed<Clock>(m.quarantined())};
}

ShardReport Take(const wire::ShardReport& m) {
  return {.life = Life(m.life()),
          .place = PlaceId(m.place()),
          .generation = Generation(m.generation()),
          .seen = ViewVersion(m.seen()),
          .min_clock = Clock(m.min_clock()),
          .end = Clock(m.end()),
          .pending = TakeList<Position>(m.pending(), TakePosition),
          .positions = TakeList<Position>(m.positions(), TakePosition),
          .refused = Typed<SnapshotNumber>(m.refused()),
          .durable = Typed<SnapshotNumber>(m.durable()),
          .durable_clock = Clock(m.durable_clock()),
          .load_failed = m.load_failed(),
          .slowest = Typed<Life>(m.slowest()),
          .work = m.work(),
          .wants_snapshot = m.wants_snapshot()};
}

CommittedSnapshot Take(const wire::CommittedSnapshot& m) {
  return {.number = SnapshotNumber(m.number()),
          .clock = Clock(m.clock()),
          .generation = Generation(m.generation()),
          .images = TakeList<ImageName>(m.images(), [](const wire::Image& i) {
            return ImageName{SnapshotNumber(i.snapshot()), PlaceId(i.place()), Life(i.life())};
          })};
}

std::vector<ShardEntry> TakeShards(const flatbuffers::Vector<Offset<wire::Shard>>* list) {
  std::vector<ShardEntry> out;
  if (list == nullptr) return out;
  for (const wire::Shard* s : *list) {
    out.push_back({Life(s->life()), Nonce(s->nonce()), Text(s->address(), kMaxAddressBytes),
                   Text(s->key(), kKeyLength)});
  }
  return out;
}

MemberEntry TakeMember(const wire::Member& m) {
  const auto start = m.pending() ? std::nullopt : std::optional<Clock>(Clock(m.start()));
  return {Life(m.life()), SeatId(m.seat()), Nonce(m.nonce()), start};
}

View Take(const wire::View& m) {
  View view{.version = ViewVersion(m.version()),
            .generation = Generation(m.generation()),
            .shards = TakeShards(m.shards()),
            .members = TakeList<MemberEntry>(m.members(), TakeMember),
            .readers = TakeList<ReaderEntry>(m.readers(),
                                             [](const wire::Reader& r) {
                                               return ReaderEntry{Life(r.life()), Nonce(r.nonce())};
                                             }),
            .sealed = TakeList<SealedEntry>(m.sealed(),
                                            [](const wire::Sealed& s) {
                                              return SealedEntry{Life(s.life()), SeatId(s.seat()),
                                                                 Clock(s.start()),
                                                                 ViewVersion(s.sealed_at())};
                                            }),
            .floor = Clock(m.floor()),
            .cut = std::nullopt,
            .committed = Take(*m.committed()),
            .kept = TakeNumbers<SnapshotNumber>(m.kept())};
  if (const wire::OpenCut* cut = m.cut(); cut != nullptr) {
    view.cut = OpenCut{SnapshotNumber(cut->snapshot()), Clock(cut->clock()), cut->exact()};
  }
  return view;
}

Pull Take(const wire::Pull& m) {
  return {.from = Life(m.from()),
          .to = Life(m.to()),
          .id = RequestId(m.id()),
          .use = Clock(m.use()),
          .at_least = Typed<Clock>(m.at_least()),
          .rows = {}};
}

PullReply Take(const wire::PullReply& m) {
  return {.from = Life(m.from()),
          .to = Life(m.to()),
          .id = RequestId(m.id()),
          .view = ViewVersion(m.view()),
          .min_clock = Clock(m.min_clock()),
          .rows = {}};
}

Parked Take(const wire::Parked& m) {
  return {Life(m.from()), Life(m.to()), RequestId(m.id()), Clock(m.min_clock()), Life(m.slowest())};
}

Push Take(const wire::Push& m) {
  return {.from = Life(m.from()),
          .to = Life(m.to()),
          .clock = Clock(m.clock()),
          .oldest_read = Clock(m.oldest_read()),
          .part = m.part(),
          .parts = m.parts(),
          .rows = {}};
}

Sync Take(const wire::Sync& m) { return {Life(m.from()), Life(m.to())}; }

Ack Take(const wire::Ack& m) {
  return {.from = Life(m.from()),
          .to = Life(m.to()),
          .received = Clock(m.received()),
          .applied = Clock(m.applied()),
          .durable = Clock(m.durable()),
          .min_clock = Clock(m.min_clock()),
          .refused = Typed<Clock>(m.refused())};
}

Stale Take(const wire::Stale& m) { return {Life(m.to()), ViewVersion(m.seen()), Nonce(m.nonce())}; }

ErrorReply Take(const wire::ErrorReply& m) {
  return {m.code(), Text(m.sentence(), kMaxSentenceBytes)};
}

// No more than CheckMeaning needs to refuse too much, for the same reason.
std::vector<std::string> TakeLines(const flatbuffers::Vector<Offset<flatbuffers::String>>* list) {
  std::vector<std::string> out;
  if (list == nullptr) return out;
  size_t bytes = 0;
  for (const flatbuffers::String* line : *list) {
    if (out.size() > kMaxLines || bytes > kMaxLinesBytes) break;
    out.push_back(Text(line, kMaxLineBytes));
    bytes += out.back().size();
  }
  return out;
}

Telemetry Take(const wire::Telemetry& m) {
  return {.role = static_cast<Role>(m.role()),
          .index = m.index(),
          .job_fingerprint = m.job_fingerprint(),
          .alone = m.alone(),
          .first = m.first(),
          .lines = TakeLines(m.lines())};
}

TelemetryAck Take(const wire::TelemetryAck& m) { return {m.next()}; }

FleetEnd Take(const wire::FleetEnd& m) { return {m.code()}; }

Order Take(const wire::Order& m) { return {static_cast<OrderKind>(m.what()), ""}; }

OrderReply Take(const wire::OrderReply& m) {
  return {m.accepted(), Text(m.sentence(), kMaxSentenceBytes)};
}

absl::StatusOr<Message> TakeBody(const wire::Header& header) {
  switch (header.body_type()) {
    case wire::Body::Hello:
      return Take(*header.body_as_Hello());
    case wire::Body::Heartbeat:
      return Take(*header.body_as_Heartbeat());
    case wire::Body::ShardReport:
      return Take(*header.body_as_ShardReport());
    case wire::Body::View:
      return Take(*header.body_as_View());
    case wire::Body::Pull:
      return Take(*header.body_as_Pull());
    case wire::Body::PullReply:
      return Take(*header.body_as_PullReply());
    case wire::Body::Parked:
      return Take(*header.body_as_Parked());
    case wire::Body::Push:
      return Take(*header.body_as_Push());
    case wire::Body::Sync:
      return Take(*header.body_as_Sync());
    case wire::Body::Ack:
      return Take(*header.body_as_Ack());
    case wire::Body::Stale:
      return Take(*header.body_as_Stale());
    case wire::Body::ErrorReply:
      return Take(*header.body_as_ErrorReply());
    case wire::Body::Telemetry:
      return Take(*header.body_as_Telemetry());
    case wire::Body::TelemetryAck:
      return Take(*header.body_as_TelemetryAck());
    case wire::Body::FleetEnd:
      return Take(*header.body_as_FleetEnd());
    case wire::Body::Order:
      return Take(*header.body_as_Order());
    case wire::Body::OrderReply:
      return Take(*header.body_as_OrderReply());
    case wire::Body::NONE:
      break;
  }
  return Refused(absl::StrCat("unknown kind ", static_cast<int>(header.body_type()),
                              "; are both processes of the same version?"));
}

// Hands the payload frames to the rows that the header announces.
absl::Status TakeRows(const wire::Header& header, std::span<const Buffer> payload,
                      std::vector<TableRows>* out) {
  const auto put = [](const wire::Rows& r) { return r; };
  for (const wire::Rows& r : TakeList<wire::Rows>(header.rows(), put)) {
    TableRows rows{TableId(r.table()), r.rows(), static_cast<ValueCodec>(r.codec()), {}, {}};
    for (const auto& [wanted, frame] :
         {std::pair(r.has_keys(), &rows.keys), std::pair(r.has_values(), &rows.values)}) {
      if (!wanted) continue;
      if (payload.empty()) return Refused("a payload frame is missing");
      if (payload[0].empty()) return Refused("a payload frame is empty");
      *frame = payload[0];
      payload = payload.subspan(1);
    }
    out->push_back(std::move(rows));
  }
  return payload.empty() ? absl::OkStatus() : Refused("more payload frames than it announces");
}

// Where the rows of a message go, nullptr if its kind has none.
std::vector<TableRows>* RowsOf(Message& message) {
  return std::visit(
      [](auto& m) -> std::vector<TableRows>* {
        if constexpr (requires { m.rows; }) {
          return &m.rows;
        } else {
          return nullptr;
        }
      },
      message);
}

absl::Status CheckSizes(std::span<const Buffer> frames) {
  if (frames.empty() || frames.size() > kMaxFrames) {
    return Refused(absl::StrFormat("%d frames, expected 1 to %d", frames.size(), kMaxFrames));
  }
  if (frames[0].size() > kMaxHeaderBytes) {
    return Refused(absl::StrFormat("header of %d bytes, at most %d are possible", frames[0].size(),
                                   kMaxHeaderBytes));
  }
  size_t total = 0;
  for (const Buffer& frame : frames) {
    if (frame.size() > kMaxFrameBytes) return Refused("a frame is larger than 64 MiB");
    total += frame.size();
  }
  return total <= kMaxMessageBytes ? absl::OkStatus() : Refused("it is larger than 256 MiB");
}

// The header in `aligned`, verified: offsets and lengths are inside, nothing is known of meaning.
absl::StatusOr<const wire::Header*> TakeHeader(const std::vector<uint64_t>& aligned, size_t bytes) {
  constexpr size_t kSmallest = 2 * sizeof(flatbuffers::uoffset_t);  // root offset and identifier
  if (bytes < kSmallest || !wire::HeaderBufferHasIdentifier(aligned.data())) {
    return Refused("not a message of Rubato");
  }
  flatbuffers::Verifier::Options options;
  options.max_depth = 8;
  options.max_tables = kMaxPlaces + 8;  // a view: header, view, cut, committed, shards
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(aligned.data()), bytes, options);
  if (!wire::VerifyHeaderBuffer(verifier)) return Refused("its header is damaged");
  return wire::GetHeader(aligned.data());
}

}  // namespace

absl::StatusOr<Decoded> Decode(std::span<const Buffer> frames) {
  RETURN_IF_ERROR(CheckSizes(frames));
  const size_t bytes = frames[0].size();
  std::vector<uint64_t> aligned(bytes / sizeof(uint64_t) + 1);
  if (bytes > 0) std::memcpy(aligned.data(), frames[0].data(), bytes);
  ASSIGN_OR_RETURN(const wire::Header* header, TakeHeader(aligned, bytes));
  ASSIGN_OR_RETURN(Message message, TakeBody(*header));
  std::vector<TableRows> rows;
  RETURN_IF_ERROR(TakeRows(*header, frames.subspan(1), &rows));
  if (std::vector<TableRows>* place = RowsOf(message); place != nullptr) {
    *place = std::move(rows);
  } else if (!rows.empty()) {
    return Refused("rows in a message that has none");
  }
  RETURN_IF_ERROR(CheckMeaning(message));
  return Decoded{Nonce(header->from()), std::move(message)};
}

}  // namespace rubato
