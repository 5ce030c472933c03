// Errors. absl::Status for what the world can do wrong (peer bytes, files, configuration);
// CHECK for our own bugs: it is never compiled out and never sees bytes from outside.
//
// A message is one sentence: what, where, what to do; static text first, run-time values last.
// The code of a Status is also the exit code of the process that ends with it (ARCHITECTURE.md,
// "Exit codes"), see ExitCode().
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace rubato {

// Exit codes of every executable.
inline constexpr int kExitDone = 0;
inline constexpr int kExitUsage = 2;      // command line or configuration
inline constexpr int kExitRetryable = 3;  // a process of the fleet died, lost connection, evicted
inline constexpr int kExitFatal = 4;      // data or model
inline constexpr int kExitStopped = 75;   // stopped by one signal, its snapshot committed

// InvalidArgument, PermissionDenied -> usage; Unavailable, Aborted, DeadlineExceeded -> retryable;
// others -> fatal. Unavailable and DeadlineExceeded: the same process may do better if it is
// started again; Aborted: it would not, the run has to be taken up again once something has changed
// (as https://grpc.io/docs/guides/status-codes has it).
int ExitCode(const absl::Status& status);

// `status` with "where: " before its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view where);

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const std::string& detail = "");

}  // namespace rubato

#define RUBATO_CONCAT_INNER(a, b) a##b
#define RUBATO_CONCAT(a, b) RUBATO_CONCAT_INNER(a, b)

// CHECK(x) or CHECK(x, "detail").
#define CHECK(condition, ...)                                                           \
  do {                                                                                  \
    if (!(condition)) [[unlikely]]                                                      \
      ::rubato::CheckFailed(__FILE__, __LINE__, #condition __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)

#define RETURN_IF_ERROR(expression)                                                             \
  do {                                                                                          \
    if (::absl::Status rubato_status = (expression); !rubato_status.ok()) return rubato_status; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x = *F(), or return its error.
#define ASSIGN_OR_RETURN(lhs, expression) \
  RUBATO_ASSIGN_OR_RETURN(RUBATO_CONCAT(rubato_or_, __LINE__), lhs, expression)
#define RUBATO_ASSIGN_OR_RETURN(tmp, lhs, expression) \
  auto tmp = (expression);                            \
  if (!tmp.ok()) return std::move(tmp).status();      \
  lhs = *std::move(tmp)
