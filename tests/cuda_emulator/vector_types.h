// CUDA's small vectors and dim3, for the emulator: the same members and the same alignment, so that
// the undefined-behaviour sanitizer sees a 16-byte access at an address that does not allow it.
#pragma once

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_count = 1, unsigned y_count = 1, unsigned z_count = 1)
      : x(x_count), y(y_count), z(z_count) {}
};

#define RUBATO_VECTORS(T, name, bytes)                               \
  struct name##1 {                                                   \
    T x;                                                             \
  };                                                                 \
  struct alignas(2 * (bytes)) name##2 {                              \
    T x, y;                                                          \
  };                                                                 \
  struct name##3 {                                                   \
    T x, y, z;                                                       \
  };                                                                 \
  struct alignas((bytes) < 8 ? 4 * (bytes) : 16) name##4 {           \
    T x, y, z, w;                                                    \
  };                                                                 \
  inline name##1 make_##name##1(T x) { return {x}; }                 \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

RUBATO_VECTORS(unsigned char, uchar, 1)
RUBATO_VECTORS(short, short, 2)
RUBATO_VECTORS(unsigned short, ushort, 2)
RUBATO_VECTORS(int, int, 4)
RUBATO_VECTORS(unsigned, uint, 4)
RUBATO_VECTORS(float, float, 4)
RUBATO_VECTORS(double, double, 8)
RUBATO_VECTORS(long long, longlong, 8)
RUBATO_VECTORS(unsigned long long, ulonglong, 8)

#undef RUBATO_VECTORS
