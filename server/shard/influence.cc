#include "server/shard/influence.h"

#include <algorithm>

namespace rubato {
namespace {

constexpr float kNewest = 0.1F;  // of a running mean: what the newest push counts
constexpr size_t kLanes = 8;

// SplitMix64's last steps (Steele et al. 2014): each bit of a key reaches each bit of the result.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// to += sign * from; the sum of squares of `from`. Lanes, for compilers keep the order of sums.
double AddRun(const float* from, size_t n, float sign, float* to) {
  std::array<float, kLanes> squares{};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float x = from[i + lane];
      to[i + lane] += sign * x;
      squares[lane] += x * x;
    }
  }
  for (; i < n; ++i) {
    to[i] += sign * from[i];
    squares[0] += from[i] * from[i];
  }
  double sum = 0;
  for (const float square : squares) sum += double{square};
  return sum;
}

template <class Sketch>
double Dot(const Sketch& a, const Sketch& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

}  // namespace

double Influence::Add(const GradientRows& rows, Sketch* sketch) {
  double squares = 0;
  const float* row = rows.gradients;
  for (const RowKey key : rows.keys) {
    const uint64_t mixed = Mix(key.value() + (uint64_t{rows.table.value()} << 56));
    const float sign = (mixed >> 63) == 0 ? 1.0F : -1.0F;
    size_t bucket = mixed % kBuckets;
    for (size_t left = rows.dim; left > 0; bucket = 0) {
      const size_t run = std::min(left, kBuckets - bucket);
      squares += AddRun(row, run, sign, sketch->data() + bucket);
      row += run;
      left -= run;
    }
  }
  return squares;
}

void Influence::Note(SeatId seat, std::span<const GradientRows> push) {
  Seat& of = seats_[seat];
  Sketch sketch{};
  double squares = 0;
  for (const GradientRows& rows : push) squares += Add(rows, &sketch);
  Sketch others{};
  for (size_t i = 0; i < kBuckets; ++i) others[i] = total_[i] - of.mean[i];
  of.sums.seat = seat;
  of.sums.samples += 1;
  of.sums.squared_norm += squares;
  of.sums.dot += Dot(sketch, others);
  of.sums.own += Dot(sketch, sketch);
  of.sums.others += Dot(others, others);
  for (size_t i = 0; i < kBuckets; ++i) {
    const float change = kNewest * (sketch[i] - of.mean[i]);
    of.mean[i] += change;
    total_[i] += change;
  }
}

std::vector<SeatInfluence> Influence::all() const {
  std::vector<SeatInfluence> all;
  for (const auto& [seat, of] : seats_) all.push_back(of.sums);
  return all;
}

}  // namespace rubato
