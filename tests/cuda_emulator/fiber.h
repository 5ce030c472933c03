// A stack of its own on which a function runs until it pauses: the emulator's GPU threads.
//
// Start and Resume return when the function pauses or ends. A fiber that ended can be started
// again, also from another host thread; a paused one is resumed by the thread that started it.
#pragma once

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
  struct Saved;  // where one stack was left
  static void Enter();
  void Prepare();
  void SwitchOut();
  // The sanitizers keep books of stacks.
  void AnnounceIn();
  void AnnounceOut();
  void NoteArrivalInside();
  void NoteArrivalOutside();

  const std::function<void()>* body_ = nullptr;
  bool ended_ = true;
  char* stack_;  // kStackBytes, below them a page that must not be touched
  Saved* inside_;
  Saved* outside_;
  const void* outside_stack_ = nullptr;
  size_t outside_bytes_ = 0;
  void* inside_books_ = nullptr;
  void* outside_books_ = nullptr;
};

}  // namespace rubato::emulator
