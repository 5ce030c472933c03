// How the owner of frozen rows, who goes on changing them, and the writer, who takes them out, keep
// out of each other's way.
//
// The rows lie in stretches of some tens of kilobytes, numbered in the order in which the writer
// takes them. It claims one, waits until the owner has seen that, reads it, and is done with it.
// The owner copies what it changes of stretches that are not claimed, as far as it has seen, and
// waits for those that are. So neither of them locks anything for a row: the owner looks at one
// number now and then. Each of the two is one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>

namespace rubato {

class Handover {
 public:
  // Of the owner: rows are changed between the two, and in no other time.
  void Begin();
  void End();
  // Of the owner, between them, every few rows: the writer waits for it.
  void Look() {
    const uint64_t claimed = claimed_.load(std::memory_order_acquire);
    if (claimed != seen_) [[unlikely]]
      See(claimed);
  }
  // Of the owner, before it changes anything of `stretch`: whether that must be copied first. Waits
  // while the writer reads the stretch: some microseconds of copying.
  bool MustCopy(uint64_t stretch) {
    if (stretch >= seen_) return !closed_.load(std::memory_order_relaxed);
    AwaitDone(stretch + 1);
    return false;
  }

  // Of the writer: the next stretch does not change until Done, and what is copied of it is all
  // there. False: it was given up.
  bool Claim();
  void Done();

  // Nobody wants the rest. Of any thread; the writer reads nothing any more.
  void Close();

 private:
  static constexpr uint64_t kChanging = 1;

  void See(uint64_t claimed);
  // Until so many stretches are.
  void AwaitDone(uint64_t stretches) const;

  std::atomic<uint64_t> claimed_ = 0;  // stretches
  std::atomic<uint64_t> done_ = 0;
  std::atomic<bool> closed_ = false;
  // Of stretches that the owner has seen to be claimed the double, and kChanging while it changes
  // rows. On a line of its own, as the owner writes it.
  alignas(64) std::atomic<uint64_t> owner_ = 0;
  uint64_t seen_ = 0;
};

// While its owner changes rows; nullptr: nothing is frozen.
class Changes {
 public:
  explicit Changes(Handover* handover) : handover_(handover) {
    if (handover_ != nullptr) handover_->Begin();
  }
  ~Changes() {
    if (handover_ != nullptr) handover_->End();
  }
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  void Look() const {
    if (handover_ != nullptr) handover_->Look();
  }

 private:
  Handover* const handover_;
};

}  // namespace rubato
