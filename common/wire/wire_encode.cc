// The encoding half of common/wire/wire.h.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/wire.h"
#include "flatbuffers/flatbuffers.h"
#include "schemas/wire_generated.h"

namespace rubato {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

template <class T>
auto Raw(const std::optional<T>& value) {
  using Rep = decltype(value->value());
  return value ? flatbuffers::Optional<Rep>(value->value()) : flatbuffers::nullopt;
}

template <class Struct, class T, class Convert>
auto PutList(FlatBufferBuilder& b, const std::vector<T>& list, Convert convert) {
  std::vector<Struct> out;
  out.reserve(list.size());
  for (const T& item : list) out.push_back(convert(item));
  return b.CreateVectorOfStructs(out);
}

wire::Position PutPosition(const Position& p) { return {p.life.value(), p.clock.value()}; }

// Fits a sentence to what CheckMeaning takes: one line of at most kMaxSentenceBytes.
std::string OneLine(std::string text) {
  text.resize(std::min(text.size(), kMaxSentenceBytes));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

struct Put {
  FlatBufferBuilder& b;

  auto operator()(const Hello& m) const {
    return wire::CreateHello(b, static_cast<uint8_t>(m.role), m.index, b.CreateString(m.address),
                             m.protocol, m.job_fingerprint, m.encoding_digest, m.rows_digest,
                             m.process.value());
  }

  auto operator()(const Heartbeat& m) const {
    return wire::CreateHeartbeat(b, m.life.value(), m.generation.value(), m.seen.value(),
                                 m.clock.value(), m.leaving, Raw(m.gap), m.unprotected, m.work,
                                 m.log_fill, m.strikes, Raw(m.quarantined));
  }

  auto operator()(const ShardReport& m) const {
    const auto pending = PutList<wire::Position>(b, m.pending, PutPosition);
    const auto positions = PutList<wire::Position>(b, m.positions, PutPosition);
    return wire::CreateShardReport(
        b, m.life.value(), m.place.value(), m.generation.value(), m.seen.value(),
        m.min_clock.value(), m.end.value(), pending, positions, Raw(m.refused), Raw(m.durable),
        m.durable_clock.value(), m.load_failed, Raw(m.slowest), m.work, m.wants_snapshot);
  }

  auto operator()(const View& m) const {
    std::vector<Offset<wire::Shard>> shards;
    for (const ShardEntry& s : m.shards) {
      // One after the other: the order of arguments is each compiler's own.
      const auto address = b.CreateString(s.address);
      const auto key = s.key.empty() ? 0 : b.CreateString(s.key);
      shards.push_back(wire::CreateShard(b, s.life.value(), s.nonce.value(), address, key));
    }
    const auto shard_list = b.CreateVector(shards);
    const auto members = PutList<wire::Member>(b, m.members, [](const MemberEntry& e) {
      return wire::Member(e.life.value(), e.nonce.value(), e.start.value_or(Clock(0)).value(),
                          e.seat.value(), !e.start.has_value());
    });
    const auto readers = PutList<wire::Reader>(b, m.readers, [](const ReaderEntry& e) {
      return wire::Reader(e.life.value(), e.nonce.value());
    });
    const auto sealed = PutList<wire::Sealed>(b, m.sealed, [](const SealedEntry& e) {
      return wire::Sealed(e.life.value(), e.start.value(), e.sealed_at.value(), e.seat.value());
    });
    const auto cut =
        m.cut ? wire::CreateOpenCut(b, m.cut->snapshot.value(), m.cut->clock.value(), m.cut->exact)
              : Offset<wire::OpenCut>();
    const auto committed = PutCommitted(m.committed);
    std::vector<uint64_t> kept;
    for (const SnapshotNumber number : m.kept) kept.push_back(number.value());
    return wire::CreateView(b, m.version.value(), m.generation.value(), shard_list, members,
                            readers, sealed, m.floor.value(), cut, committed, b.CreateVector(kept));
  }

  Offset<wire::CommittedSnapshot> PutCommitted(const CommittedSnapshot& m) const {
    const auto images = PutList<wire::Image>(b, m.images, [](const ImageName& i) {
      return wire::Image(i.snapshot.value(), i.life.value(), i.place.value());
    });
    return wire::CreateCommittedSnapshot(b, m.number.value(), m.clock.value(), m.generation.value(),
                                         images);
  }

  auto operator()(const Pull& m) const {
    return wire::CreatePull(b, m.from.value(), m.to.value(), m.id.value(), m.use.value(),
                            Raw(m.at_least));
  }

  auto operator()(const PullReply& m) const {
    return wire::CreatePullReply(b, m.from.value(), m.to.value(), m.id.value(), m.view.value(),
                                 m.min_clock.value());
  }

  auto operator()(const Parked& m) const {
    return wire::CreateParked(b, m.from.value(), m.to.value(), m.id.value(), m.min_clock.value(),
                              m.slowest.value());
  }

  auto operator()(const Push& m) const {
    return wire::CreatePush(b, m.from.value(), m.to.value(), m.clock.value(), m.oldest_read.value(),
                            m.part, m.parts);
  }

  auto operator()(const Sync& m) const { return wire::CreateSync(b, m.from.value(), m.to.value()); }

  auto operator()(const Ack& m) const {
    return wire::CreateAck(b, m.from.value(), m.to.value(), m.received.value(), m.applied.value(),
                           m.durable.value(), m.min_clock.value(), Raw(m.refused));
  }

  auto operator()(const Stale& m) const {
    return wire::CreateStale(b, m.to.value(), m.seen.value(), m.nonce.value());
  }

  auto operator()(const ErrorReply& m) const {
    return wire::CreateErrorReply(b, m.code, b.CreateString(OneLine(m.sentence)));
  }

  auto operator()(const Telemetry& m) const {
    return wire::CreateTelemetry(b, static_cast<uint8_t>(m.role), m.index, m.job_fingerprint,
                                 m.alone, m.first, b.CreateVectorOfStrings(m.lines));
  }

  auto operator()(const TelemetryAck& m) const { return wire::CreateTelemetryAck(b, m.next); }

  auto operator()(const FleetEnd& m) const { return wire::CreateFleetEnd(b, m.code); }

  auto operator()(const Order& m) const {
    return wire::CreateOrder(b, static_cast<uint8_t>(m.what));
  }

  auto operator()(const OrderReply& m) const {
    return wire::CreateOrderReply(b, m.accepted, b.CreateString(OneLine(m.sentence)));
  }
};

// The rows of a message, nullptr if its kind has none.
const std::vector<TableRows>* RowsOf(const Message& message) {
  return std::visit(
      [](const auto& m) -> const std::vector<TableRows>* {
        if constexpr (requires { m.rows; }) {
          return &m.rows;
        } else {
          return nullptr;
        }
      },
      message);
}

wire::Rows PutRows(const TableRows& r) {
  return {r.table.value(), r.rows, static_cast<uint8_t>(r.codec), !r.keys.empty(),
          !r.values.empty()};
}

}  // namespace

Frames Encode(Nonce from, const Message& message) {
  FlatBufferBuilder builder(512);
  const std::vector<TableRows>* tables = RowsOf(message);
  const auto rows = tables == nullptr || tables->empty()
                        ? Offset<flatbuffers::Vector<const wire::Rows*>>()
                        : PutList<wire::Rows>(builder, *tables, PutRows);
  const auto body = std::visit([&](const auto& m) { return Put{builder}(m).Union(); }, message);
  const auto tag = static_cast<wire::Body>(message.index() + 1);
  wire::FinishHeaderBuffer(builder, wire::CreateHeader(builder, from.value(), rows, tag, body));
  auto header = std::make_shared<const flatbuffers::DetachedBuffer>(builder.Release());
  Frames frames;
  frames.emplace_back(header, std::as_bytes(std::span(header->data(), header->size())));
  if (tables == nullptr) return frames;
  for (const TableRows& table : *tables) {
    if (!table.keys.empty()) frames.push_back(table.keys);
    if (!table.values.empty()) frames.push_back(table.values);
  }
  return frames;
}

}  // namespace rubato
