#include "common/base/out_of_memory.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr char kMemory[] =
    "out of memory; raise its limit (ulimit -v, or a container's), free some, or make the run "
    "smaller (train.batch, model.hidden, fleet.workers, fleet.servers)";
constexpr char kThread[] =
    "cannot start a thread: out of memory or of processes; raise the limit (ulimit -v, ulimit -u, "
    "or a container's)";

struct Words {
  LastWords memory;
  LastWords thread;
  std::terminate_handler terminate = nullptr;
  std::atomic<bool> said{false};
};

// One end per process, reached from handlers that take no argument.
Words& TheWords() {
  static Words words;
  return words;
}

void Put(int file, const std::string& line) {
  // There is nobody left to tell that it cannot be written.
  [[maybe_unused]] const ssize_t written = write(file, line.data(), line.size());
}

[[noreturn]] void End(const LastWords& words) {
  if (TheWords().said.exchange(true)) {
    for (;;) pause();  // another thread is ending the process
  }
  Put(STDOUT_FILENO, words.to_stdout);
  Put(STDERR_FILENO, words.to_stderr);
  _exit(kExitFatal);
}

// What was thrown and not caught: by std::thread, or by an allocation that is not `new`.
[[noreturn]] void Terminate() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      OutOfMemory();
    } catch (const std::system_error& error) {
      const int why = error.code().value();
      if (why == EAGAIN || why == ENOMEM) End(TheWords().thread);
    } catch (...) {
    }
  }
  if (TheWords().terminate != nullptr) TheWords().terminate();
  std::abort();
}

}  // namespace

void EndWhenOutOfMemory(const std::string& process, SayLast say) {
  Words& words = TheWords();
  words.memory = say(process, kMemory);
  words.thread = say(process, kThread);
  words.terminate = std::set_terminate(Terminate);
  std::set_new_handler([] { OutOfMemory(); });
}

void OutOfMemory() { End(TheWords().memory); }

}  // namespace rubato
