// The rules of common/wire/protocol.h and server/snapshot/image.h with mistakes in them. The
// simulator compiles the machines with this header before everything else: where they ask a rule,
// they ask the one that derives from it here. With no mutation active each is what it was.
#pragma once

#include "common/wire/protocol.h"
#include "server/snapshot/image.h"
#include "tests/sim/mutation.h"

namespace rubato {

// Clocks, or nanoseconds, that no history reaches.
inline constexpr int64_t kNever = int64_t{1} << 60;

struct MutatedFenceRule : FenceRule {
  static bool IsNewer(ViewVersion view, ViewVersion known) {
    return FenceRule::IsNewer(view, known) || Makes(Mutation::older_view);
  }
  static bool Names(const View& view, Nonce nonce) {
    return FenceRule::Names(view, nonce) || Makes(Mutation::view_to_strangers);
  }
};

struct MutatedSeatRule : SeatRule {
  static bool IsOver(bool superseded) {
    return SeatRule::IsOver(superseded) && !Makes(Mutation::superseded_comes_back);
  }
};

struct MutatedReadRule : ReadRule {
  static Clock OpensAt(std::optional<Clock> at_least, Clock use, Staleness s) {
    if (Makes(Mutation::evaluate_early)) at_least.reset();
    if (Makes(Mutation::gate_off_by_one)) use = use - ClockDelta(1);
    return ReadRule::OpensAt(at_least, use, s);
  }
};

struct MutatedPushRule : PushRule {
  static Verdict Judge(Clock number, Clock received, Clock min_clock, Staleness s) {
    if (Makes(Mutation::apply_duplicate)) number = std::max(number, received);
    if (Makes(Mutation::take_gap)) number = std::min(number, received);
    if (Makes(Mutation::take_beyond_window)) s = Staleness::Infinite();
    return PushRule::Judge(number, received, min_clock, s);
  }
  static bool InWindow(Clock number, Clock min_clock, Staleness s) {
    return PushRule::InWindow(number, min_clock, s) || Makes(Mutation::take_beyond_window);
  }
  static bool AppliesTogether(Staleness s) {
    return PushRule::AppliesTogether(s) && !Makes(Mutation::bsp_on_arrival);
  }
};

struct MutatedRetentionRule : RetentionRule {
  static bool MayLeave(Clock clock, Clock committed, Clock last) {
    if (Makes(Mutation::leave_early)) committed = last;
    return RetentionRule::MayLeave(clock, committed, last);
  }
};

struct MutatedWishRule : WishRule {
  static Duration Pause(Duration longest, float fill) {
    return WishRule::Pause(longest, Makes(Mutation::pause_whatever_fill) ? 0 : fill);
  }
};

// What a push of a history takes is far below what the product always grants.
struct MutatedCreditRule : CreditRule {
  static uint64_t OfPushes(uint64_t iteration_bytes) { return iteration_bytes; }
  static bool MaySend(uint64_t under_way, uint64_t push, uint64_t credit) {
    return CreditRule::MaySend(under_way, push, credit) || Makes(Mutation::push_without_credit);
  }
  static bool MayTake(uint64_t held, uint64_t part, uint64_t credit) {
    return CreditRule::MayTake(held, part, credit) || Makes(Mutation::take_without_credit);
  }
};

struct MutatedCutRule : CutRule {
  static Clock Soonest(Clock known_end, ClockDelta margin, Clock committed, Clock common) {
    if (Makes(Mutation::cut_beyond_end)) common = common + margin + ClockDelta(1);
    return CutRule::Soonest(known_end, margin, committed, common);
  }
  static bool Holds(Clock cut, Clock number) {
    return CutRule::Holds(cut, number) || Makes(Mutation::no_hold_back);
  }
  static bool ComesInTime(Clock cut, Clock end) {
    return CutRule::ComesInTime(cut, end) || Makes(Mutation::late_cut);
  }
};

// The rows of the ledger are few, and most of them change: bytes do not matter here.
struct MutatedChainRule : ChainRule {
  static bool Extends(uint32_t depth, uint64_t /*behind*/, uint64_t /*changed*/,
                      uint64_t /*full*/) {
    return depth < kLongestChain;
  }
  static bool IsBase(const ImageName& last_cut, const ImageName& committed) {
    return ChainRule::IsBase(last_cut, committed) || Makes(Mutation::uncommitted_base);
  }
};

struct MutatedJoinRule : JoinRule {
  static Clock Start(std::span<const Clock> held, Clock floor) {
    return Makes(Mutation::join_at_known_min) ? std::ranges::min(held)
                                              : JoinRule::Start(held, floor);
  }
};

struct MutatedQuarantineRule : QuarantineRule {
  static bool IsStrike(bool struck_before) {
    return QuarantineRule::IsStrike(struck_before) || Makes(Mutation::struck_again);
  }
  static bool IsOut(uint64_t strikes, uint64_t allowed) {
    return QuarantineRule::IsOut(strikes, allowed) && !Makes(Mutation::quarantined_goes_on);
  }
};

struct MutatedEvictionRule : EvictionRule {
  static Duration AsleepAfter(Duration lease) {
    return Makes(Mutation::sleep_counts) ? Duration::Nanos(kNever)
                                         : EvictionRule::AsleepAfter(lease);
  }
  static bool IsToBlame(Clock received, Clock min_clock) {
    if (Makes(Mutation::nobody_to_blame)) return false;
    return EvictionRule::IsToBlame(received, min_clock) || Makes(Mutation::slowest_by_applied);
  }
  static bool IsFinal(ViewVersion acknowledged, ViewVersion sealed_at) {
    if (Makes(Mutation::sealed_at_present)) sealed_at = ViewVersion(sealed_at.value() - 1);
    return EvictionRule::IsFinal(acknowledged, sealed_at);
  }
  static bool IsSettled(ViewVersion sealed_at, ViewVersion cut_opened_at) {
    if (Makes(Mutation::sealed_leaves_early)) return true;
    return EvictionRule::IsSettled(sealed_at, cut_opened_at) && !Makes(Mutation::sealed_stays);
  }
  static bool IsLoss(ClockDelta lacking, Staleness s) {
    return EvictionRule::IsLoss(lacking, s) && !Makes(Mutation::no_seal_check);
  }
};

}  // namespace rubato

#define FenceRule MutatedFenceRule
#define SeatRule MutatedSeatRule
#define ReadRule MutatedReadRule
#define PushRule MutatedPushRule
#define RetentionRule MutatedRetentionRule
#define WishRule MutatedWishRule
#define CreditRule MutatedCreditRule
#define CutRule MutatedCutRule
#define ChainRule MutatedChainRule
#define JoinRule MutatedJoinRule
#define QuarantineRule MutatedQuarantineRule
#define EvictionRule MutatedEvictionRule
