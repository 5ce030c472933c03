// The meaning half of Decode: plain structs in, one sentence out.
#include <initializer_list>

#include "common/base/status.h"
#include "common/wire/wire.h"

namespace rubato {
namespace {

constexpr uint32_t kMaxStatusCode = 16;  // absl::StatusCode::kUnauthenticated
constexpr uint32_t kMaxExitCode = 255;

absl::Status Bad(const char* what, uint64_t value, uint64_t limit) {
  return absl::InvalidArgumentError(
      absl::StrFormat("message refused: %s is %d, at most %d is possible", what, value, limit));
}

absl::Status AtMost(const char* what, uint64_t value, uint64_t limit) {
  return value <= limit ? absl::OkStatus() : Bad(what, value, limit);
}

absl::Status CheckClocks(std::initializer_list<Clock> clocks) {
  for (const Clock clock : clocks) {
    if (clock.value() < 0 || clock.value() > kMaxClock) {
      return absl::InvalidArgumentError(
          absl::StrFormat("message refused: clock %d is outside 0 to 2^53", clock.value()));
    }
  }
  return absl::OkStatus();
}

// Text of a peer reaches logs and terminals: no control characters in it.
absl::Status CheckText(const char* what, const std::string& text, size_t limit) {
  RETURN_IF_ERROR(AtMost(what, text.size(), limit));
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return absl::InvalidArgumentError(
          absl::StrFormat("message refused: %s holds a control character", what));
    }
  }
  return absl::OkStatus();
}

// A line is written as it is: it must not become two, and begin as all events do. What else it
// holds is for common/telemetry/told_line.h.
absl::Status CheckLine(const std::string& line) {
  RETURN_IF_ERROR(CheckText("line", line, kMaxLineBytes));
  if (line.starts_with("{\"time_ms\":") && line.ends_with('}')) return absl::OkStatus();
  return absl::InvalidArgumentError("message refused: a line that is no event");
}

// Which frames the rows of a kind of message have.
enum class Carries { kKeys, kValues, kBoth };

absl::Status WrongSize(const TableRows& rows, const char* what, size_t bytes) {
  return absl::InvalidArgumentError(
      absl::StrFormat("message refused: table %d has %d rows but %d bytes of %s",
                      rows.table.value(), rows.rows, bytes, what));
}

absl::Status CheckRows(const TableRows& rows, Carries carries) {
  RETURN_IF_ERROR(AtMost("value codec", static_cast<uint64_t>(rows.codec), 1));
  RETURN_IF_ERROR(AtMost("number of rows", rows.rows, kMaxRows));
  const size_t keys = carries == Carries::kValues ? 0 : size_t{rows.rows} * sizeof(uint64_t);
  if (rows.keys.size() != keys) return WrongSize(rows, "keys", rows.keys.size());
  const size_t values = rows.values.size();
  if (carries == Carries::kKeys || rows.rows == 0) {
    return values == 0 ? absl::OkStatus() : WrongSize(rows, "values", values);
  }
  const size_t column = rows.rows * (rows.codec == ValueCodec::kF32 ? size_t{4} : size_t{2});
  if (values == 0 || values % column != 0) return WrongSize(rows, "values", values);
  return AtMost("floats in a row", values / column, kMaxDim);
}

absl::Status CheckTables(const std::vector<TableRows>& tables, Carries carries) {
  RETURN_IF_ERROR(AtMost("number of tables", tables.size(), kMaxTablesPerMessage));
  for (const TableRows& rows : tables) RETURN_IF_ERROR(CheckRows(rows, carries));
  return absl::OkStatus();
}

absl::Status CheckPositions(const std::vector<Position>& positions) {
  RETURN_IF_ERROR(AtMost("number of positions", positions.size(), kMaxLives));
  for (const Position& position : positions) RETURN_IF_ERROR(CheckClocks({position.clock}));
  return absl::OkStatus();
}

struct Meaning {
  absl::Status operator()(const Hello& m) const {
    RETURN_IF_ERROR(AtMost("role", static_cast<uint64_t>(m.role), 2));
    return CheckText("address", m.address, kMaxAddressBytes);
  }

  absl::Status operator()(const Heartbeat& m) const {
    const float fill = m.log_fill.value_or(0);
    if (!(fill >= 0 && fill <= 1)) return absl::InvalidArgumentError("log_fill is no fraction");
    return CheckClocks({m.clock, m.quarantined.value_or(Clock(0))});
  }

  absl::Status operator()(const ShardReport& m) const {
    RETURN_IF_ERROR(CheckClocks({m.min_clock, m.end, m.durable_clock}));
    RETURN_IF_ERROR(CheckPositions(m.pending));
    return CheckPositions(m.positions);
  }

  absl::Status operator()(const View& m) const {
    RETURN_IF_ERROR(AtMost("number of shards", m.shards.size(), kMaxPlaces));
    RETURN_IF_ERROR(AtMost("number of images", m.committed.images.size(), kMaxPlaces));
    RETURN_IF_ERROR(AtMost("number of members", m.members.size(), kMaxLives));
    RETURN_IF_ERROR(AtMost("number of readers", m.readers.size(), kMaxLives));
    RETURN_IF_ERROR(AtMost("number of sealed lives", m.sealed.size(), kMaxLives));
    RETURN_IF_ERROR(AtMost("number of kept snapshots", m.kept.size(), kMaxKeptSnapshots));
    RETURN_IF_ERROR(CheckClocks({m.floor, m.committed.clock}));
    if (m.cut) RETURN_IF_ERROR(CheckClocks({m.cut->clock}));
    for (const ShardEntry& shard : m.shards) {
      RETURN_IF_ERROR(CheckText("address", shard.address, kMaxAddressBytes));
      RETURN_IF_ERROR(CheckText("key", shard.key, kKeyLength));
    }
    for (const MemberEntry& member : m.members) {
      if (member.start) RETURN_IF_ERROR(CheckClocks({*member.start}));
    }
    for (const SealedEntry& sealed : m.sealed) RETURN_IF_ERROR(CheckClocks({sealed.start}));
    return absl::OkStatus();
  }

  absl::Status operator()(const Pull& m) const {
    RETURN_IF_ERROR(CheckClocks({m.use, m.at_least.value_or(Clock(0))}));
    return CheckTables(m.rows, Carries::kKeys);
  }

  absl::Status operator()(const PullReply& m) const {
    RETURN_IF_ERROR(CheckClocks({m.min_clock}));
    return CheckTables(m.rows, Carries::kValues);
  }

  absl::Status operator()(const Parked& m) const { return CheckClocks({m.min_clock}); }

  absl::Status operator()(const Push& m) const {
    RETURN_IF_ERROR(CheckClocks({m.clock, m.oldest_read}));
    RETURN_IF_ERROR(AtMost("number of parts", m.parts, kMaxParts));
    if (m.part >= m.parts) {
      return absl::InvalidArgumentError(
          absl::StrFormat("message refused: part %d of a push of %d parts", m.part, m.parts));
    }
    return CheckTables(m.rows, Carries::kBoth);
  }

  absl::Status operator()(const Sync&) const { return absl::OkStatus(); }

  absl::Status operator()(const Ack& m) const {
    return CheckClocks(
        {m.received, m.applied, m.durable, m.min_clock, m.refused.value_or(Clock(0))});
  }

  absl::Status operator()(const Stale&) const { return absl::OkStatus(); }

  absl::Status operator()(const ErrorReply& m) const {
    RETURN_IF_ERROR(AtMost("error code", m.code, kMaxStatusCode));
    return CheckText("sentence", m.sentence, kMaxSentenceBytes);
  }

  absl::Status operator()(const Telemetry& m) const {
    RETURN_IF_ERROR(AtMost("role", static_cast<uint64_t>(m.role), 2));
    RETURN_IF_ERROR(AtMost("number of the first line", m.first, kMaxClock));
    RETURN_IF_ERROR(AtMost("number of lines", m.lines.size(), kMaxLines));
    size_t bytes = 0;
    for (const std::string& line : m.lines) {
      RETURN_IF_ERROR(CheckLine(line));
      bytes += line.size();
    }
    return AtMost("bytes of all lines", bytes, kMaxLinesBytes);
  }

  absl::Status operator()(const TelemetryAck& m) const {
    return AtMost("number of the next line", m.next, kMaxClock + kMaxLines);
  }

  absl::Status operator()(const FleetEnd& m) const {
    return AtMost("exit code", m.code, kMaxExitCode);
  }

  absl::Status operator()(const Order& m) const {
    return AtMost("order", static_cast<uint64_t>(m.what), 2);
  }

  absl::Status operator()(const OrderReply& m) const {
    return CheckText("sentence", m.sentence, kMaxSentenceBytes);
  }
};

}  // namespace

absl::Status CheckMeaning(const Message& message) { return std::visit(Meaning{}, message); }

}  // namespace rubato
