#include "common/wire/wire.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/common/wire/random_message.h"

namespace rubato {
namespace {

constexpr size_t kKinds = std::variant_size_v<Message>;
constexpr Nonce kFrom{77};

// The same bytes, `shift` bytes after an aligned address.
Buffer Shifted(const Buffer& frame, size_t shift) {
  std::vector<std::byte> bytes(frame.size() + shift);
  std::copy_n(frame.data(), frame.size(), bytes.begin() + static_cast<ptrdiff_t>(shift));
  const Buffer whole = Buffer::Own(std::move(bytes));
  return Buffer(whole.owner(), whole.bytes().subspan(shift));
}

Buffer Prefix(const Buffer& frame, size_t size) {
  return Buffer(frame.owner(), frame.bytes().first(size));
}

Buffer WithByte(const Buffer& frame, size_t at, std::byte value) {
  std::vector<std::byte> bytes(frame.bytes().begin(), frame.bytes().end());
  bytes[at] = value;
  return Buffer::Own(std::move(bytes));
}

// Damaged bytes are refused with a sentence, or mean something legal that survives a round trip.
void ExpectRefusedOrLegal(const Frames& frames) {
  const auto decoded = Decode(frames);
  if (!decoded.ok()) {
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(decoded.status().message().empty());
    return;
  }
  const auto again = Decode(Encode(decoded->from, decoded->message));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *decoded);
}

std::string WhyRefused(const Message& message) {
  const auto decoded = Decode(Encode(kFrom, message));
  return decoded.ok() ? "" : std::string(decoded.status().message());
}

TEST(Wire, EveryKindComesBackEqual) {
  RandomMessages messages(1);
  for (size_t i = 0; i < 200 * kKinds; ++i) {
    const Message message = messages.OfKind(i % kKinds);
    const auto decoded = Decode(Encode(kFrom, message));
    ASSERT_TRUE(decoded.ok()) << "kind " << i % kKinds << ": " << decoded.status();
    EXPECT_EQ(decoded->from, kFrom);
    EXPECT_EQ(decoded->message, message) << "kind " << i % kKinds;
  }
}

TEST(Wire, SharesPayloadFrames) {
  const Buffer keys = Buffer::Own(std::vector<uint64_t>{1, 2});
  Push push;
  push.rows = {{TableId(3), 2, ValueCodec::kF32, keys, Buffer::Own(std::vector<float>(4))}};
  const Frames frames = Encode(kFrom, push);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].data(), keys.data());
  const auto decoded = Decode(frames);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(std::get<Push>(decoded->message).rows[0].keys.data(), keys.data());
}

TEST(Wire, ReadsFramesAtAnyAddress) {
  RandomMessages messages(2);
  for (size_t i = 0; i < 10 * kKinds; ++i) {
    const Message message = messages.OfKind(i % kKinds);
    Frames frames = Encode(kFrom, message);
    for (Buffer& frame : frames) frame = Shifted(frame, 1 + i % 7);
    const auto decoded = Decode(frames);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->message, message);
  }
}

TEST(Wire, EveryDamagedByteIsRefusedOrLegal) {
  RandomMessages messages(3);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const Frames whole = Encode(kFrom, messages.OfKind(kind));
    for (size_t at = 0; at < whole[0].size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        Frames frames = whole;
        frames[0] = WithByte(whole[0], at, whole[0].data()[at] ^ static_cast<std::byte>(flip));
        ExpectRefusedOrLegal(frames);
      }
    }
  }
}

// A verifier asks where a list begins, and not whether its elements are aligned; what reads them as
// they lie is seen by the sanitizer of undefined behaviour.
TEST(Wire, EveryListMayBeginAtAnyWord) {
  View view;
  view.kept = {SnapshotNumber(1), SnapshotNumber(2), SnapshotNumber(3)};
  view.sealed.resize(3);
  const Frames whole = Encode(kFrom, view);
  for (size_t at = 0; at < whole[0].size(); ++at) {
    for (const int step : {4, 8, 12, -4}) {
      Frames frames = whole;
      const int moved = std::to_integer<int>(whole[0].data()[at]) + step;
      frames[0] = WithByte(whole[0], at, static_cast<std::byte>(moved));
      ExpectRefusedOrLegal(frames);
    }
  }
}

TEST(Wire, EveryTruncationIsRefusedOrLegal) {
  RandomMessages messages(4);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const Frames whole = Encode(kFrom, messages.OfKind(kind));
    for (size_t size = 0; size < whole[0].size(); ++size) {
      Frames frames = whole;
      frames[0] = Prefix(whole[0], size);
      ExpectRefusedOrLegal(frames);
    }
    for (size_t count = 0; count < whole.size(); ++count) {
      EXPECT_FALSE(Decode(std::span(whole).first(count)).ok());
    }
    Frames longer = whole;
    longer.push_back(Buffer::Own(std::vector<float>(1)));
    EXPECT_FALSE(Decode(longer).ok());
  }
}

TEST(Wire, PayloadSizesMustFitTheRows) {
  Push push;
  push.rows = {{TableId(3), 2, ValueCodec::kBf16, Buffer::Own(std::vector<uint64_t>(2)),
                Buffer::Own(std::vector<uint16_t>(6))}};
  EXPECT_EQ(WhyRefused(push), "");
  push.rows[0].keys = Buffer::Own(std::vector<uint64_t>(3));
  EXPECT_EQ(WhyRefused(push), "message refused: table 3 has 2 rows but 24 bytes of keys");
  push.rows[0].keys = Buffer::Own(std::vector<uint64_t>(2));
  push.rows[0].values = Buffer::Own(std::vector<uint16_t>(5));
  EXPECT_EQ(WhyRefused(push), "message refused: table 3 has 2 rows but 10 bytes of values");
  push.rows[0].values = Buffer();
  EXPECT_EQ(WhyRefused(push), "message refused: table 3 has 2 rows but 0 bytes of values");
}

TEST(Wire, MeaninglessNumbersAreRefused) {
  Push push;
  push.part = push.parts = 2;
  EXPECT_EQ(WhyRefused(push), "message refused: part 2 of a push of 2 parts");
  EXPECT_EQ(WhyRefused(Hello{.role = static_cast<Role>(3), .address = ""}),
            "message refused: role is 3, at most 2 is possible");
  Parked parked;
  parked.min_clock = Clock(-1);
  EXPECT_EQ(WhyRefused(parked), "message refused: clock -1 is outside 0 to 2^53");
  EXPECT_EQ(WhyRefused(Hello{.address = std::string(257, 'a')}),
            "message refused: address is 257, at most 256 is possible");
  EXPECT_EQ(WhyRefused(Hello{.address = "ipc://a\nb"}),
            "message refused: address holds a control character");
  View crowded;
  crowded.shards.resize(kMaxPlaces + 1);
  EXPECT_EQ(WhyRefused(crowded),
            "message refused: number of shards is 1025, at most 1024 is possible");
}

TEST(Wire, ALineIsOneEventAndNoMore) {
  const std::string good = "{\"time_ms\":1,\"event\":\"x\"}";
  EXPECT_EQ(WhyRefused(Telemetry{.lines = {good, good}}), "");
  for (const std::string& line : {std::string(), good + " ", " " + good, good.substr(1)}) {
    EXPECT_EQ(WhyRefused(Telemetry{.lines = {good, line}}),
              "message refused: a line that is no event");
  }
  EXPECT_EQ(WhyRefused(Telemetry{.lines = {good + "\n" + good}}),
            "message refused: line holds a control character");
  const auto of_size = [](size_t bytes) {
    return "{\"time_ms\":" + std::string(bytes - 12, '1') + "}";
  };
  EXPECT_EQ(WhyRefused(Telemetry{.lines = {of_size(kMaxLineBytes + 1)}}),
            "message refused: line is 65537, at most 65536 is possible");
  EXPECT_EQ(WhyRefused(Telemetry{.lines = {4, of_size(kMaxLineBytes)}}), "");
  EXPECT_EQ(WhyRefused(Telemetry{.lines = {5, of_size(kMaxLineBytes)}}),
            "message refused: bytes of all lines is 327680, at most 262144 is possible");
  EXPECT_EQ(WhyRefused(Telemetry{.lines = {kMaxLines + 1, good}}),
            "message refused: number of lines is 257, at most 256 is possible");
  EXPECT_EQ(WhyRefused(Telemetry{.role = static_cast<Role>(3), .lines = {}}),
            "message refused: role is 3, at most 2 is possible");
  EXPECT_EQ(WhyRefused(FleetEnd{256}),
            "message refused: exit code is 256, at most 255 is possible");
  EXPECT_EQ(WhyRefused(Order{static_cast<OrderKind>(3), ""}),
            "message refused: order is 3, at most 2 is possible");
}

TEST(Wire, TheLargestViewFits) {
  View view;
  const std::string address(kMaxAddressBytes, 'a');
  view.shards.resize(kMaxPlaces, {Life(1), Nonce(2), address});
  view.members.resize(kMaxLives);
  view.readers.resize(kMaxLives);
  view.sealed.resize(kMaxLives);
  view.committed.images.resize(kMaxPlaces);
  view.cut = OpenCut{};
  EXPECT_EQ(WhyRefused(view), "");
}

TEST(Wire, AnErrorReplyBecomesOneLine) {
  const auto decoded = Decode(Encode(kFrom, ErrorReply{3, "a\nb" + std::string(5000, 'c')}));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const std::string& sentence = std::get<ErrorReply>(decoded->message).sentence;
  EXPECT_EQ(sentence.size(), kMaxSentenceBytes);
  EXPECT_EQ(sentence.substr(0, 4), "a bc");
}

TEST(Wire, ForeignBytesAreRefused) {
  const std::vector<char> http(64, 'G');
  const auto decoded = Decode(std::vector{Buffer::Own(http)});
  EXPECT_EQ(decoded.status().message(), "message refused: not a message of Rubato");
  EXPECT_FALSE(Decode({}).ok());
  EXPECT_FALSE(Decode(std::vector{Buffer()}).ok());
  EXPECT_FALSE(Decode(Frames(kMaxFrames + 1, Buffer::Own(http))).ok());
}

TEST(Wire, HowFullALogIsIsAFraction) {
  for (const float fill : {-0.5F, 1.5F, std::numeric_limits<float>::quiet_NaN()}) {
    Heartbeat beat;
    beat.log_fill = fill;
    EXPECT_FALSE(Decode(Encode(kFrom, beat)).ok()) << fill;
  }
}

// The bytes of this version: a change here breaks fleets of mixed versions and needs a new protocol
// number (kProtocolVersion).
TEST(Wire, BytesOfTheProtocolAreStable) {
  RandomMessages messages(5);
  XXH64_hash_t hash = kProtocolVersion;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    for (const Buffer& frame : Encode(kFrom, messages.OfKind(kind))) {
      hash = XXH3_64bits_withSeed(frame.data(), frame.size(), hash);
    }
  }
  EXPECT_EQ(hash, 10742874409429307026u);
}

}  // namespace
}  // namespace rubato
