#include "tests/cuda_emulator/fiber.h"

#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#include <cstdint>

#include "common/base/status.h"
#include "tests/sanitizers.h"
#if defined(RUBATO_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(RUBATO_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

// Where threads of a block wait for each other, kernels switch stacks more than they compute:
// swapcontext() makes two system calls a switch, this makes none. It keeps what a function call
// keeps.
#if defined(__x86_64__)
asm(R"(
  .text
  .type rubato_switch_stack, @function
rubato_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq (%rsi), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size rubato_switch_stack, .-rubato_switch_stack
)");
extern "C" void rubato_switch_stack(void** leave, void* const* enter);
#endif

namespace rubato::emulator {
namespace {

constexpr size_t kStackBytes = size_t{256} << 10;
constexpr size_t kGuardBytes = 4096;

thread_local Fiber* starting = nullptr;

}  // namespace

#if defined(__x86_64__)
struct Fiber::Saved {
  void* top = nullptr;
  static void Switch(Saved* leave, Saved* enter) { rubato_switch_stack(&leave->top, &enter->top); }
};

// As if Enter had been called and the switch were its first instruction: six registers, the address
// to go to, and an address of no caller.
void Fiber::Prepare() {
  auto* const end = reinterpret_cast<void (**)()>(stack_ + kStackBytes);
  end[-1] = nullptr;
  end[-2] = &Fiber::Enter;
  inside_->top = end - 8;
}
#else
struct Fiber::Saved {
  ucontext_t registers = {};
  static void Switch(Saved* leave, Saved* enter) {
    CHECK(swapcontext(&leave->registers, &enter->registers) == 0);
  }
};

void Fiber::Prepare() {
  CHECK(getcontext(&inside_->registers) == 0);
  inside_->registers.uc_stack.ss_sp = stack_;
  inside_->registers.uc_stack.ss_size = kStackBytes;
  makecontext(&inside_->registers, &Fiber::Enter, 0);
}
#endif

Fiber::Fiber() : inside_(new Saved), outside_(new Saved) {
  void* const memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED, "no memory for the stack of a GPU thread");
  stack_ = static_cast<char*>(memory) + kGuardBytes;
  CHECK(mprotect(stack_, kStackBytes, PROT_READ | PROT_WRITE) == 0);
}

Fiber::~Fiber() {
  munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes);
  delete inside_;
  delete outside_;
}

void Fiber::Start(const std::function<void()>* body) {
  body_ = body;
  ended_ = false;
  inside_books_ = nullptr;
  Prepare();
  starting = this;
  Resume();
}

void Fiber::Resume() {
  AnnounceIn();
  Saved::Switch(outside_, inside_);
  NoteArrivalOutside();
}

void Fiber::Pause() { SwitchOut(); }

void Fiber::Enter() {
  Fiber* const self = starting;
  self->NoteArrivalInside();
  (*self->body_)();
  self->ended_ = true;
  self->SwitchOut();
}

void Fiber::SwitchOut() {
  AnnounceOut();
  Saved::Switch(inside_, outside_);
  NoteArrivalInside();
}

#if defined(RUBATO_ASAN)
void Fiber::AnnounceIn() { __sanitizer_start_switch_fiber(&outside_books_, stack_, kStackBytes); }
void Fiber::AnnounceOut() {
  __sanitizer_start_switch_fiber(ended_ ? nullptr : &inside_books_, outside_stack_, outside_bytes_);
}
void Fiber::NoteArrivalInside() {
  __sanitizer_finish_switch_fiber(inside_books_, &outside_stack_, &outside_bytes_);
}
void Fiber::NoteArrivalOutside() {
  __sanitizer_finish_switch_fiber(outside_books_, nullptr, nullptr);
}
#elif defined(RUBATO_TSAN)
void Fiber::AnnounceIn() {
  outside_books_ = __tsan_get_current_fiber();
  if (inside_books_ == nullptr) inside_books_ = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(inside_books_, 0);
}
void Fiber::AnnounceOut() { __tsan_switch_to_fiber(outside_books_, 0); }
void Fiber::NoteArrivalInside() {}
void Fiber::NoteArrivalOutside() {
  if (ended_) __tsan_destroy_fiber(inside_books_);
}
#else
void Fiber::AnnounceIn() {}
void Fiber::AnnounceOut() {}
void Fiber::NoteArrivalInside() {}
void Fiber::NoteArrivalOutside() {}
#endif

}  // namespace rubato::emulator
