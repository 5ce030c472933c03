// A prefetch that stays. GCC takes a function whose only effect is __builtin_prefetch for pure and
// drops calls of it whose result nobody uses (seen with GCC 12 at -O2: every prefetch of the sparse
// table was gone, without a warning); an empty volatile asm is an effect it must keep.
#pragma once

namespace rubato {

// Asks for the cache line at `address`, which may be any address at all.
inline void PrefetchLine(const void* address) {
  __builtin_prefetch(address);
  asm volatile("");
}

}  // namespace rubato
