#include "common/memory/handover.h"

namespace rubato {

// In one order that both see (Dekker): either the writer sees that rows change, and waits, or the
// owner sees what is claimed.
void Handover::Begin() {
  owner_.store(2 * seen_ + kChanging, std::memory_order_seq_cst);
  const uint64_t claimed = claimed_.load(std::memory_order_seq_cst);
  if (claimed != seen_) See(claimed);
}

void Handover::End() {
  owner_.store(2 * seen_, std::memory_order_release);
  owner_.notify_one();
}

void Handover::See(uint64_t claimed) {
  seen_ = claimed;
  owner_.store(2 * seen_ + kChanging, std::memory_order_release);
  owner_.notify_one();
}

bool Handover::Claim() {
  if (closed_.load(std::memory_order_seq_cst)) return false;
  const uint64_t claimed = claimed_.load(std::memory_order_relaxed) + 1;
  claimed_.store(claimed, std::memory_order_seq_cst);
  uint64_t owner = owner_.load(std::memory_order_seq_cst);
  while ((owner & kChanging) != 0 && owner / 2 < claimed) {
    owner_.wait(owner, std::memory_order_relaxed);
    owner = owner_.load(std::memory_order_seq_cst);
  }
  // From here on the owner may have changed rows without a copy.
  if (!closed_.load(std::memory_order_seq_cst)) return true;
  Done();
  return false;
}

void Handover::Done() {
  done_.store(claimed_.load(std::memory_order_relaxed), std::memory_order_release);
  done_.notify_all();
}

void Handover::AwaitDone(uint64_t stretches) const {
  uint64_t done = done_.load(std::memory_order_acquire);
  while (done < stretches) {
    done_.wait(done, std::memory_order_relaxed);
    done = done_.load(std::memory_order_acquire);
  }
}

void Handover::Close() {
  closed_.store(true, std::memory_order_seq_cst);
  AwaitDone(claimed_.load(std::memory_order_seq_cst));
}

}  // namespace rubato
