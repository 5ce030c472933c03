// Which sanitizer this is built with, alike for g++ and clang.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RUBATO_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define RUBATO_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RUBATO_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define RUBATO_TSAN 1
#endif
