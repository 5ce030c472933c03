// Numbers of few digits, which nearly all are, read several times faster than numbers of any kind
// and to the same bits: eight characters at a time, and one division of two exact numbers, which
// IEEE 754 rounds as a correct reader of decimals does (W. Clinger, "How to read floating point
// numbers accurately", 1990). What they do not read is left to ParseDecimal
// (worker/data/text/field.h). They read no byte behind `end`.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rubato {

// The digits that a text begins with, up to as many as fit.
struct DigitRun {
  uint64_t number = 0;
  size_t digits = 0;
};

// A whole number that a double holds, as it holds all below.
inline constexpr uint64_t kExactWhole = uint64_t{1} << 53;

// The bytes of [text, end), the first in the lowest place; at most eight, zeros for what lacks.
inline uint64_t LoadEight(const char* text, const char* end) {
  static_assert(std::endian::native == std::endian::little);
  const auto size = static_cast<size_t>(end - text);
  uint64_t eight = 0;
  if (size >= sizeof(eight)) {
    std::memcpy(&eight, text, sizeof(eight));
  } else if (size >= sizeof(uint32_t)) {  // two halves that overlap, and agree where they do
    uint32_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, text, sizeof(low));
    std::memcpy(&high, end - sizeof(high), sizeof(high));
    eight = low | (uint64_t{high} << (8 * (size - sizeof(high))));
  } else if (size > 0) {  // first, middle and last, which may be one
    const auto put = [&](size_t i) { eight |= uint64_t{static_cast<uint8_t>(text[i])} << (8 * i); };
    put(0);
    put(size / 2);
    put(size - 1);
  }
  return eight;
}

// At most eight digits.
inline DigitRun ReadEightDigits(const char* text, const char* end) {
  // Each byte its digit; above 9 where it is none. A carry reaches bytes behind the first such
  // only.
  const uint64_t values = LoadEight(text, end) ^ 0x3030303030303030;
  const uint64_t others = (values | (values + 0x0606060606060606)) & 0xf0f0f0f0f0f0f0f0;
  const size_t digits = static_cast<size_t>(std::countr_zero(others)) / 8;
  if (digits == 0) return {};
  // Zeros before the digits, then pairs, fours and all eight of them as one number.
  uint64_t number = values << (64 - 8 * digits);
  number = (number * 10 + (number >> 8)) & 0x00ff00ff00ff00ff;
  number = (number * 100 + (number >> 16)) & 0x0000ffff0000ffff;
  number = (number * 10'000 + (number >> 32)) & 0xffffffff;
  return {number, digits};
}

// At most sixteen digits.
inline DigitRun ReadDigits(const char* text, const char* end) {
  DigitRun run = ReadEightDigits(text, end);
  if (run.digits < 8) return run;
  static constexpr std::array<uint64_t, 9> kPowers = {
      1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};
  const DigitRun more = ReadEightDigits(text + 8, end);
  return {run.number * kPowers[more.digits] + more.number, run.digits + more.digits};
}

// The number of digits with decimals behind `mark`, a sign or none before them, that [text, end)
// begins with; the byte behind it, or nullptr where it has no digits or more than a double holds.
inline const char* ReadShortDecimal(const char* text, const char* end, char mark, double* value) {
  static constexpr std::array<double, 17> kPowers = {
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
  const bool negative = text != end && *text == '-';
  if (negative) ++text;
  DigitRun run = ReadDigits(text, end);
  text += run.digits;
  size_t decimals = 0;
  if (text != end && *text == mark) {
    const DigitRun behind = ReadDigits(++text, end);
    text += behind.digits;
    decimals = behind.digits;
    if (run.digits + decimals > 19) return nullptr;  // would not fit in 64 bits
    run.number = run.number * static_cast<uint64_t>(kPowers[decimals]) + behind.number;
    run.digits += decimals;
  }
  if (run.digits == 0 || run.number > kExactWhole) return nullptr;
  const double number = static_cast<double>(run.number) / kPowers[decimals];
  *value = negative ? -number : number;
  return text;
}

}  // namespace rubato
