// Seeded messages of every kind, legal on the wire: what Decode(Encode(m)) must give back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/env.h"
#include "common/wire/message.h"
#include "common/wire/wire.h"

namespace rubato {

class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : rng_(seed) {}

  // A message of the kind that the variant Message holds at `index`.
  Message OfKind(size_t index) {
    Message message;
    switch (index) {
      case 0:
        message = MakeHello();
        break;
      case 1:
        message = MakeHeartbeat();
        break;
      case 2:
        message = MakeShardReport();
        break;
      case 3:
        message = MakeView();
        break;
      case 4:
        message = Pull{Any<Life>(), Any<Life>(),        Any<RequestId>(),
                       At(),        Maybe<Clock>(At()), Rows(true, false)};
        break;
      case 5:
        message = PullReply{Any<Life>(),        Any<Life>(), Any<RequestId>(),
                            Any<ViewVersion>(), At(),        Rows(false, true)};
        break;
      case 6:
        message = Parked{Any<Life>(), Any<Life>(), Any<RequestId>(), At(), Any<Life>()};
        break;
      case 7:
        message = MakePush();
        break;
      case 8:
        message = Sync{Any<Life>(), Any<Life>()};
        break;
      case 9:
        message = Ack{Any<Life>(), Any<Life>(), At(), At(), At(), At(), Maybe(At())};
        break;
      case 10:
        message = Stale{Any<Life>(), Any<ViewVersion>(), Any<Nonce>()};
        break;
      case 11:
        message = ErrorReply{Number<uint32_t>(17), Text(kMaxSentenceBytes)};
        break;
      case 12:
        message = MakeTelemetry();
        break;
      case 13:
        message = TelemetryAck{Number<uint64_t>(uint64_t{kMaxClock} + 1) >> rng_.Below(54)};
        break;
      case 14:
        message = FleetEnd{Number<uint32_t>(256)};
        break;
      case 15:
        message = Order{static_cast<OrderKind>(rng_.Below(3)), ""};
        break;
      default:
        message = OrderReply{Flip(), Text(kMaxSentenceBytes)};
        break;
    }
    return message;
  }

  Message Next() { return OfKind(rng_.Below(std::variant_size_v<Message>)); }

 private:
  template <class T>
  T Number(uint64_t below) {
    return static_cast<T>(rng_.Below(below));
  }
  template <class T>
  T Any() {
    return T(static_cast<decltype(T().value())>(rng_.Next() >> rng_.Below(64)));
  }
  Clock At() { return Clock(Number<int64_t>(uint64_t{kMaxClock} + 1) >> rng_.Below(54)); }
  template <class T>
  std::optional<T> Maybe(T value) {
    return Flip() ? std::optional<T>(value) : std::nullopt;
  }
  bool Flip() { return rng_.Chance(0.5); }

  std::string Text(size_t limit) {
    std::string text(rng_.Below(limit + 1) >> rng_.Below(8), ' ');
    for (char& c : text) c = static_cast<char>(' ' + rng_.Below(95));
    return text;
  }

  template <class Make>
  auto List(size_t most, Make make) {
    std::vector<decltype(make())> list;
    for (size_t n = rng_.Below(most + 1); n > 0; --n) list.push_back(make());
    return list;
  }

  Buffer Bytes(size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng_.Next());
    return Buffer::Own(std::move(bytes));
  }

  std::vector<TableRows> Rows(bool keys, bool values) {
    return List(4, [&] {
      TableRows rows;
      rows.table = Any<TableId>();
      rows.rows = Number<uint32_t>(20);
      rows.codec = Flip() ? ValueCodec::kF32 : ValueCodec::kBf16;
      const size_t value_bytes = rows.codec == ValueCodec::kF32 ? 4 : 2;
      if (keys) rows.keys = Bytes(rows.rows * size_t{8});
      if (values) rows.values = Bytes(rows.rows * value_bytes * (1 + rng_.Below(9)));
      return rows;
    });
  }

  Hello MakeHello() {
    return {static_cast<Role>(rng_.Below(3)),
            Number<uint32_t>(1000),
            Text(kMaxAddressBytes),
            Number<uint32_t>(9),
            rng_.Next(),
            rng_.Next(),
            rng_.Next(),
            Any<Nonce>()};
  }

  Heartbeat MakeHeartbeat() {
    return {Any<Life>(),
            Any<Generation>(),
            Any<ViewVersion>(),
            At(),
            Flip(),
            Maybe(static_cast<float>(rng_.Uniform())),
            Maybe(Any<PlaceId>()),
            rng_.Next(),
            rng_.Next(),
            rng_.Next(),
            Maybe(At())};
  }

  ShardReport MakeShardReport() {
    const auto position = [&] { return Position{Any<Life>(), At()}; };
    return {Any<Life>(),
            Any<PlaceId>(),
            Any<Generation>(),
            Any<ViewVersion>(),
            At(),
            At(),
            List(3, position),
            List(30, position),
            Maybe(Any<SnapshotNumber>()),
            Maybe(Any<SnapshotNumber>()),
            At(),
            Flip(),
            Maybe(Any<Life>()),
            rng_.Next(),
            Flip()};
  }

  View MakeView() {
    View view{Any<ViewVersion>(), Any<Generation>(), {}, {}, {}, {}, At(), std::nullopt, {}, {}};
    view.kept = List(3, [&] { return Any<SnapshotNumber>(); });
    view.shards = List(9, [&] {
      return ShardEntry{Any<Life>(), Any<Nonce>(), Text(kMaxAddressBytes), Text(kKeyLength)};
    });
    view.members = List(9, [&] {
      return MemberEntry{Any<Life>(), Any<SeatId>(), Any<Nonce>(), Maybe(At())};
    });
    view.readers = List(3, [&] { return ReaderEntry{Any<Life>(), Any<Nonce>()}; });
    view.sealed = List(5, [&] {
      return SealedEntry{Any<Life>(), Any<SeatId>(), At(), Any<ViewVersion>()};
    });
    if (Flip()) view.cut = OpenCut{Any<SnapshotNumber>(), At(), Flip()};
    view.committed = {Any<SnapshotNumber>(), At(), Any<Generation>(), List(9, [&] {
                        return ImageName{Any<SnapshotNumber>(), Any<PlaceId>(), Any<Life>()};
                      })};
    return view;
  }

  Telemetry MakeTelemetry() {
    return {.role = static_cast<Role>(rng_.Below(3)),
            .index = Number<uint32_t>(1000),
            .job_fingerprint = rng_.Next(),
            .alone = Flip(),
            .first = Number<uint64_t>(uint64_t{kMaxClock} + 1) >> rng_.Below(54),
            .lines = List(5, [&] { return "{\"time_ms\":" + Text(200) + "}"; })};
  }

  Push MakePush() {
    const auto parts = 1 + Number<uint32_t>(kMaxParts);
    return {Any<Life>(), Any<Life>(), At(), At(), Number<uint32_t>(parts), parts, Rows(true, true)};
  }

  Rng rng_;
};

}  // namespace rubato
