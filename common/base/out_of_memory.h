// The end of a process that runs out of memory, in whatever thread: one sentence and kExitFatal.
//
// Nothing can be allocated then, so the words are made before. The end is at once: destructors and
// other threads would want memory too, and whatever must survive is on disk already.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace rubato {

// What the process says, whole lines.
struct LastWords {
  std::string to_stdout;  // "" for nothing
  std::string to_stderr;
};

// From now on a failed `new` of any thread ends the process so, and a thread that cannot be started
// as well. `say` makes the words of a sentence. To be called once, by the process's frame.
using SayLast = LastWords (*)(const std::string& process, absl::string_view sentence);
void EndWhenOutOfMemory(const std::string& process, SayLast say);

// The same end, for memory that is not asked for with `new`.
[[noreturn]] void OutOfMemory();

}  // namespace rubato
