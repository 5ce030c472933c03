// Deliberate mistakes in the protocol: the simulator must catch every one of them. The product
// knows nothing of them. They are made where the machines meet what is not theirs: in the rules
// that they ask (mutated_rules.h), in a part that they are made of (mutated_row_cache.h), and on
// what they are handed and hand out (mutated_shard.h, mutated_client.h, mutated_scheduler.h,
// mutated_plan.h).
//
// Each entry of the list is the name for --mutation and what the mistake is.
#pragma once

#define RUBATO_MUTATION_LIST(X)                                                           \
  X(apply_duplicate, "a push with number < received is applied again")                    \
  X(take_gap, "a push with number > received is taken")                                   \
  X(unnumbered_tick, "an empty push is taken outside the numbered stream")                \
  X(late_cut, "a shard cuts although it applied an iteration >= C")                       \
  X(no_hold_back, "iterations >= C are not held back before the cut")                     \
  X(late_image, "the image is captured when written instead of at the cut")               \
  X(no_copy_before_write, "a row changes uncopied before the writer has taken it")        \
  X(delta_forgets_withdrawn, "rows of a withdrawn image are not in the next one")         \
  X(uncommitted_base, "an image rests on one that was not committed")                     \
  X(image_received, "an image saves received instead of applied positions")               \
  X(gate_off_by_one, "the gate lets a pull pass one clock too early")                     \
  X(cache_reader_clock, "a cached row is tagged with the reader's clock")                 \
  X(cache_over_life, "cached rows are kept over a change of shard life")                  \
  X(join_at_known_min, "a joiner starts at the lowest min_clock held for it")             \
  X(numbers_over_lives, "push numbers are continued over worker lives")                   \
  X(old_ack, "an ack of an old shard life is taken")                                      \
  X(sealed_push, "a push of a sealed life is taken")                                      \
  X(dead_life_commit, "a commit counts the report of a dead shard life")                  \
  X(image_name_without_life, "image names lack the shard life")                           \
  X(no_seal_check, "positions of sealed lives are not compared after a restart")          \
  X(prune_before_commit, "the log is pruned when one shard is durable, before commit")    \
  X(load_newest, "a shard loads its own newest image instead of the committed one")       \
  X(leave_early, "a worker leaves before all it pushed is durable")                       \
  X(block_at_retention, "a worker blocks at the retention bound")                         \
  X(nan_not_consumed, "a refused NaN push does not consume its number")                   \
  X(cut_beyond_end, "a cut is announced beyond the last clock")                           \
  X(stop_when_out_of_data, "a worker out of data just stops")                             \
  X(cut_beyond_barrier, "a cut lies beyond the evaluation where all workers wait")        \
  X(evaluate_early, "an exact fetch is answered below the clock it asks for")             \
  X(bounded_evaluation, "the weights to evaluate are pulled within the bound only")       \
  X(pass_barrier, "a worker goes on from an evaluation before its commit")                \
  X(begin_early, "an iteration is begun before its rows are there")                       \
  X(older_view, "an older view is accepted")                                              \
  X(bsp_on_arrival, "at s = 0 a push is applied on arrival")                              \
  X(take_beyond_window, "a push beyond min_clock + s is taken")                           \
  X(drop_early, "a shard drops what comes before it serves")                              \
  X(sealed_at_present, "a life is taken for sealed one view too early")                   \
  X(sleep_counts, "time that the scheduler slept through counts against others")          \
  X(send_before_disk, "a view is sent before it is on disk")                              \
  X(tell_before_disk, "an event is told before it is on disk")                            \
  X(forget_untold, "events of a state that cannot be written are forgotten")              \
  X(retry_old_state, "a state that could not be written is not replaced by a newer")      \
  X(durable_before_disk, "a shard reports an image durable when it is cut")               \
  X(forged_request, "a shard believes a life whatever nonce claims it")                   \
  X(forged_answer, "a client believes a shard life whatever nonce claims it")             \
  X(forged_beat, "the scheduler believes a worker life whatever nonce claims it")         \
  X(forged_report, "the scheduler believes a shard life whatever nonce claims it")        \
  X(view_of_anybody, "a view is taken from whoever sends it")                             \
  X(stale_of_anybody, "a Stale is taken from whoever sends it")                           \
  X(view_to_strangers, "the scheduler answers a stranger with the view")                  \
  X(deadline_counts_time, "a cut is withdrawn though its images are being written")       \
  X(stall_counts_time, "a member is evicted though it works")                             \
  X(slowest_by_applied, "at s = 0 a member is blamed whose push is here and waits")       \
  X(sealed_leaves_early, "a sealed life leaves the view with whatever commit is next")    \
  X(sealed_stays, "a sealed life stays in the view for ever")                             \
  X(lost_not_kept, "lost pushes are counted by the process that tells of them alone")     \
  X(pause_whatever_fill, "the pause between snapshots is the same however full a log is") \
  X(written_before_synced, "an image is reported durable before it is synced")            \
  X(state_in_place, "the scheduler's state is overwritten, not replaced")                 \
  X(full_disk_is_written, "an image for which there was no room is reported durable")     \
  X(one_failure_is_enough, "a state that could not be written is never tried again")      \
  X(view_sent_once, "a view that is not acknowledged is not sent again")                  \
  X(evicted_goes_on, "a worker goes on that misses its life in a newer view")             \
  X(superseded_comes_back, "a process is given a life whose seat a newer one has taken")  \
  X(nobody_to_blame, "a member that stands still is never evicted while it lives")        \
  X(push_without_credit, "a client pushes whatever its credit is")                        \
  X(take_without_credit, "a shard takes pushes whatever it holds of a life")              \
  X(quarantined_goes_on, "a worker that has made its strikes goes on pushing")            \
  X(struck_again, "a strike counts again whenever it is heard of")                        \
  X(one_bound_for_all, "cached rows of all tables serve as long as the largest bound allows")

namespace rubato {

enum class Mutation {
  none,
#define RUBATO_MUTATION_NAME(name, what) name,
  RUBATO_MUTATION_LIST(RUBATO_MUTATION_NAME)
#undef RUBATO_MUTATION_NAME
};

// Set once by the simulator before a history starts.
inline Mutation active_mutation = Mutation::none;

inline bool Makes(Mutation mistake) { return active_mutation == mistake; }

}  // namespace rubato
