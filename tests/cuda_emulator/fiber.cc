#include "tests/cuda_emulator/fiber.h"

#include <sys/mman.h>

#include <cstdint>

#include "common/status.h"
#include "tests/cuda_emulator/sanitizers.h"

#if defined(RUBATO_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

namespace rubato::emulator {
namespace {

constexpr size_t kFiberStackBytes = size_t{256} << 10;
constexpr size_t kGuardBytes = 4096;

}  // namespace

Fiber::Fiber() {
  void* const memory = mmap(nullptr, kGuardBytes + kFiberStackBytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED, "no memory for the stack of a GPU thread");
  stack_ = static_cast<char*>(memory) + kGuardBytes;
  CHECK(mprotect(stack_, kFiberStackBytes, PROT_READ | PROT_WRITE) == 0);
}

Fiber::~Fiber() { munmap(stack_ - kGuardBytes, kGuardBytes + kFiberStackBytes); }

void Fiber::Start(const std::function<void()>* body) {
  body_ = body;
  inside_fake_ = nullptr;
  CHECK(getcontext(&inside_) == 0);
  inside_.uc_stack.ss_sp = stack_;
  inside_.uc_stack.ss_size = kFiberStackBytes;
  inside_.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  SwitchIn();
}

void Fiber::Resume() { SwitchIn(); }

void Fiber::Pause() { SwitchOut(Leave::kForNow); }

void Fiber::Enter(unsigned high, unsigned low) {
  auto* const self = reinterpret_cast<Fiber*>(uintptr_t{high} << 32 | low);
#if defined(RUBATO_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack_, &self->outside_bytes_);
#endif
  (*self->body_)();
  self->SwitchOut(Leave::kForGood);
}

void Fiber::SwitchIn() {
#if defined(RUBATO_ASAN)
  __sanitizer_start_switch_fiber(&outside_fake_, stack_, kFiberStackBytes);
#endif
  CHECK(swapcontext(&outside_, &inside_) == 0);
#if defined(RUBATO_ASAN)
  __sanitizer_finish_switch_fiber(outside_fake_, nullptr, nullptr);
#endif
}

void Fiber::SwitchOut([[maybe_unused]] Leave leave) {
#if defined(RUBATO_ASAN)
  __sanitizer_start_switch_fiber(leave == Leave::kForGood ? nullptr : &inside_fake_, outside_stack_,
                                 outside_bytes_);
#endif
  CHECK(swapcontext(&inside_, &outside_) == 0);
#if defined(RUBATO_ASAN)
  __sanitizer_finish_switch_fiber(inside_fake_, &outside_stack_, &outside_bytes_);
#endif
}

}  // namespace rubato::emulator
