// A stack of its own on which a function runs until it pauses: the emulator's GPU threads.
//
// Start and Resume return when the fiber pauses or ends. A fiber that ended can be started again,
// also from another host thread; a paused one is resumed by the thread that started it.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace rubato::emulator {

class Fiber {
 public:
  Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  void Start(const std::function<void()>* body);
  void Resume();
  // Called on the fiber.
  void Pause();

 private:
  enum class Leave { kForNow, kForGood };
  static void Enter(unsigned high, unsigned low);
  void SwitchIn();
  void SwitchOut(Leave leave);

  char* stack_;  // kFiberStackBytes, below them a page that must not be touched
  const std::function<void()>* body_ = nullptr;
  ucontext_t inside_ = {};
  ucontext_t outside_ = {};
  const void* outside_stack_ = nullptr;
  size_t outside_bytes_ = 0;
  void* outside_fake_ = nullptr;
  void* inside_fake_ = nullptr;
};

}  // namespace rubato::emulator
