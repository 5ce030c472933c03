// The rules that shards, workers and the scheduler decide by, as functions of the values that they
// decide on. What a machine knows, and what follows for it from a decision, is its own. Each group
// bears the name of its section in ARCHITECTURE.md, which says why.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/keys/allow_list.h"
#include "common/wire/message.h"

namespace rubato {

struct FenceRule {
  // A view is ignored if it is not newer than what the receiver has.
  static bool IsNewer(ViewVersion view, ViewVersion known) { return view > known; }
  // Whether the view gave a life to this nonce: a stranger is told no view.
  static bool Names(const View& view, Nonce nonce) {
    const auto is_theirs = [&](const auto& entry) { return entry.nonce == nonce; };
    return std::ranges::any_of(view.shards, is_theirs) ||
           std::ranges::any_of(view.members, is_theirs) ||
           std::ranges::any_of(view.readers, is_theirs);
  }
};

// Where a listener stands. Messages to a listener are questions and reports; what answers them
// comes back on the connection of who asked, and never to a listener.
enum class Listener : uint8_t { kScheduler, kShard };

struct DoorRule {
  // Whether a message of this kind may come to a listener there, whoever sends it.
  static bool ComesTo(Listener where, const Message& message) {
    const bool to_shard = std::holds_alternative<Pull>(message) ||
                          std::holds_alternative<Push>(message) ||
                          std::holds_alternative<Sync>(message);
    const bool to_scheduler =
        std::holds_alternative<Hello>(message) || std::holds_alternative<Heartbeat>(message) ||
        std::holds_alternative<ShardReport>(message) ||
        std::holds_alternative<Telemetry>(message) || std::holds_alternative<Order>(message);
    return where == Listener::kShard ? to_shard : to_scheduler;
  }
  // Whether the holder of a key of this role may say it.
  static bool MaySay(KeyRole role, const Message& message) {
    const bool reads =
        std::holds_alternative<Heartbeat>(message) || std::holds_alternative<Pull>(message);
    const bool writes =
        std::holds_alternative<Push>(message) || std::holds_alternative<Sync>(message);
    if (const auto* hello = std::get_if<Hello>(&message)) return role == RoleOf(hello->role);
    if (const auto* told = std::get_if<Telemetry>(&message)) return role == RoleOf(told->role);
    switch (role) {
      case KeyRole::kServer:
        return std::holds_alternative<ShardReport>(message);
      case KeyRole::kWorker:
        return reads || writes;
      case KeyRole::kReader:
        return reads;
      case KeyRole::kAdmin:
        return std::holds_alternative<Order>(message);
      case KeyRole::kScheduler:
        break;
    }
    return false;
  }
  static KeyRole RoleOf(Role role) {
    return role == Role::kShard    ? KeyRole::kServer
           : role == Role::kWorker ? KeyRole::kWorker
                                   : KeyRole::kReader;
  }
};

// Of a seat's processes the newest is who came last; once it has answered, those before it are
// over.
struct SeatRule {
  // With this code a Hello is refused to a process that is.
  static constexpr absl::StatusCode kTaken = absl::StatusCode::kAlreadyExists;
  static bool IsOver(bool superseded) { return superseded; }
  static bool IsTaken(const ErrorReply& error) {
    return error.code == static_cast<uint32_t>(kTaken);
  }
};

struct ReadRule {
  // The min_clock from which on iteration `use` may read; an exact read waits for `at_least`
  // whatever s is.
  static Clock OpensAt(std::optional<Clock> at_least, Clock use, Staleness s) {
    const Clock exact = at_least.value_or(Clock(0));
    return s.infinite() ? exact : std::max(exact, use - s.bound());
  }
};

struct PushRule {
  enum class Verdict { kTake, kDuplicate, kGap, kBeyondWindow };
  // The number received itself, up to min_clock + s, is taken; a number below it is only
  // acknowledged. Refusing is always safe: the sender still has the push.
  static Verdict Judge(Clock number, Clock received, Clock min_clock, Staleness s) {
    if (number < received) return Verdict::kDuplicate;
    if (number > received) return Verdict::kGap;
    return InWindow(number, min_clock, s) ? Verdict::kTake : Verdict::kBeyondWindow;
  }
  static bool InWindow(Clock number, Clock min_clock, Staleness s) {
    return s.infinite() || number <= min_clock + s.bound();
  }
  // Whether an iteration is applied of all members together, in seat order, and not each push as it
  // comes.
  static bool AppliesTogether(Staleness s) { return s == Staleness(0); }
};

struct RetentionRule {
  // A worker leaves only when the last clock is committed: nobody can need its pushes any more.
  static bool MayLeave(Clock clock, Clock committed, Clock last) {
    return clock >= last && committed >= last;
  }
};

struct WishRule {
  // How full a log is, from 0 at the soft bound to 1 at the hard one: beyond the soft bound its
  // worker wants a snapshot.
  static std::optional<float> Fill(uint64_t bytes, uint64_t soft, uint64_t hard) {
    if (bytes <= soft) return std::nullopt;
    if (bytes >= hard) return 1.0F;
    return static_cast<float>(bytes - soft) / static_cast<float>(hard - soft);
  }
  // How long after a commit no wish is heard: the fuller the log, the sooner it is.
  static Duration Pause(Duration longest, float fill) {
    return Duration::Seconds(longest.seconds() * (1.0 - double{fill}));
  }
};

// ARCHITECTURE.md, "Bounds". Bytes are of memory at the shard: rows as keys and floats, and a share
// for what holds them, so that empty parts count as well.
struct CreditRule {
  static constexpr uint64_t kLeastPushes = 64u << 20;
  static constexpr uint64_t kPulls = 32u << 20;  // of keys and rows asked for and not answered
  static constexpr uint64_t kPartBytes = 128;
  static constexpr uint64_t kTableBytes = 128;
  // A part that another of the same table follows has more of rows
  // (PsClientOptions::max_part_bytes).
  static constexpr uint64_t kPartRows = 512u << 10;
  // What a shard holds of one worker's pushes at most, of a job whose largest iteration has keys
  // and gradients of so many bytes: that one may be on its way while the one before it is not
  // applied.
  static uint64_t OfPushes(uint64_t iteration_bytes) {
    const uint64_t parts = kMaxTables + iteration_bytes / kPartRows;
    return std::max(kLeastPushes, 2 * (iteration_bytes + parts * (kPartBytes + kTableBytes)));
  }
  static uint64_t RowBytes(uint64_t rows, uint64_t dim) {
    return kTableBytes + rows * (sizeof(RowKey) + dim * sizeof(float));
  }
  // `under_way`: sent, and not known to be applied.
  static bool MaySend(uint64_t under_way, uint64_t push, uint64_t credit) {
    return under_way + push <= credit;
  }
  // `held`: of this worker, applied neither.
  static bool MayTake(uint64_t held, uint64_t part, uint64_t credit) {
    return held + part <= credit;
  }
};

struct CutRule {
  // C of a cut that is opened now. `common` is the next clock where all wait for a commit: T, or an
  // evaluation before it.
  static Clock Soonest(Clock known_end, ClockDelta margin, Clock committed, Clock common) {
    return std::min(common, std::max(known_end + margin, committed.Next()));
  }
  // Whether the image cut at `cut` holds iteration `number`: if not, it is held back before.
  static bool Holds(Clock cut, Clock number) { return number < cut; }
  // A shard that has applied an iteration >= C refuses. `end` is one past the highest it has.
  static bool ComesInTime(Clock cut, Clock end) { return end <= cut; }
};

struct JoinRule {
  // J of a joiner: `held` is what each shard holds for it, `floor` the highest min_clock that was
  // reported in this generation. So no read already answered becomes false.
  static Clock Start(std::span<const Clock> held, Clock floor) {
    for (const Clock clock : held) floor = std::max(floor, clock);
    return floor;
  }
};

struct QuarantineRule {
  // A push of which several shards say, or one says again, that it was refused is one strike.
  static bool IsStrike(bool struck_before) { return !struck_before; }
  // Whether a worker with so many strikes pushes nothing any more; of 0 nobody is ever put out.
  static bool IsOut(uint64_t strikes, uint64_t allowed) {
    return allowed > 0 && strikes >= allowed;
  }
};

struct EvictionRule {
  // A scheduler whose ticks are further apart slept: what it did not hear counts against nobody. A
  // shorter pause leaves others most of their lease.
  static Duration AsleepAfter(Duration lease) { return Duration::Nanos(lease.nanos() / 4); }
  // Slowest is whose push min_clock waits for: whose push is there is not to blame.
  static bool IsToBlame(Clock received, Clock min_clock) { return received <= min_clock; }
  // The positions of a sealed life are final on a shard that has acknowledged the view that sealed
  // it.
  static bool IsFinal(ViewVersion acknowledged, ViewVersion sealed_at) {
    return acknowledged >= sealed_at;
  }
  // Who was sealed before a cut was opened has its final positions in all images of it: once it is
  // committed, nothing more can be lost of that life.
  static bool IsSettled(ViewVersion sealed_at, ViewVersion cut_opened_at) {
    return sealed_at <= cut_opened_at;
  }
  // Its last s + 1 iterations may be on some shards only; what lacks further is lost.
  static bool IsLoss(ClockDelta lacking, Staleness s) {
    return !s.infinite() && lacking > s.bound() + ClockDelta(1);
  }
};

}  // namespace rubato
