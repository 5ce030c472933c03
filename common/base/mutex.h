// std::mutex with clang's thread-safety annotations (absl::Mutex of Debian 12 gives false races
// under the thread sanitizer). Data that a mutex guards says so with GUARDED_BY.
#pragma once

#include <mutex>

#if defined(__clang__)
#define RUBATO_THREAD(x) __attribute__((x))
#else
#define RUBATO_THREAD(x)
#endif
#if !defined(GUARDED_BY)  // Abseil's headers define it too, and alike
#define GUARDED_BY(mutex) RUBATO_THREAD(guarded_by(mutex))
#endif
#define REQUIRES_LOCK(mutex) RUBATO_THREAD(requires_capability(mutex))

namespace rubato {

class RUBATO_THREAD(capability("mutex")) Mutex {
 public:
  void Lock() RUBATO_THREAD(acquire_capability()) { mutex_.lock(); }
  void Unlock() RUBATO_THREAD(release_capability()) { mutex_.unlock(); }
  // For std::condition_variable_any.
  void lock() RUBATO_THREAD(acquire_capability()) { mutex_.lock(); }
  void unlock() RUBATO_THREAD(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class RUBATO_THREAD(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) RUBATO_THREAD(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() RUBATO_THREAD(release_capability()) { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* mutex_;
};

}  // namespace rubato
