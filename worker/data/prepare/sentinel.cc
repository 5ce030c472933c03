#include "worker/data/prepare/sentinel.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_format.h"

namespace rubato {
namespace {

constexpr size_t kMostSentinels = 3;  // of one side
constexpr size_t kEdgeValues = kMostSentinels + kValuesAboveZero;

std::string Spell(double value) { return absl::StrFormat("%.15g", value); }

// Nines, eights or sevens only, nines with another end (98, 9996), or the ends of integer types;
// below zero also one digit.
bool SpelledAsNone(double value) {
  std::string digits = Spell(std::abs(value));
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  if (digits == "2147483647" || digits == "2147483648" || digits == "32767" || digits == "32768") {
    return true;
  }
  if (value < 0.0 && digits == "1") return true;
  if (digits.size() < (value < 0.0 ? 1 : 2)) return false;
  const char first = digits[0];
  const auto same = [first](char c) { return c == first; };
  if (first < '7' || !std::all_of(digits.begin(), digits.end() - 1, same)) return false;
  return digits.back() == first || (first == '9' && digits.size() > 1 && digits.back() >= '6');
}

// Different values from one end on, the outermost first, and their rows.
using Edge = std::vector<Sentinel>;

// [a, a_end) and [b, b_end) are sorted by `before`.
template <class Iterator, class Before>
Edge EdgeOf(Iterator a, Iterator a_end, Iterator b, Iterator b_end, Before before) {
  Edge edge;
  while (edge.size() < kEdgeValues && (a != a_end || b != b_end)) {
    const double value = a == a_end ? *b : b == b_end ? *a : before(*b, *a) ? *b : *a;
    const Iterator a_next = std::upper_bound(a, a_end, value, before);
    const Iterator b_next = std::upper_bound(b, b_end, value, before);
    edge.push_back({value, static_cast<uint64_t>((a_next - a) + (b_next - b)), ""});
    a = a_next;
    b = b_next;
  }
  return edge;
}

// The values at the outer end of `edge` that may be sentinels by spelling and rows.
size_t Candidates(const Edge& edge) {
  size_t count = 0;
  while (count < std::min(edge.size(), kMostSentinels) && SpelledAsNone(edge[count].value) &&
         edge[count].rows >= kSentinelRows) {
    ++count;
  }
  return count;
}

uint64_t RowsOf(const Edge& edge, size_t count) {
  uint64_t rows = 0;
  for (size_t i = 0; i < count; ++i) rows += edge[i].rows;
  return rows;
}

// The outermost value that is no candidate.
double FirstOther(const Edge& edge) {
  return edge[std::min(Candidates(edge), edge.size() - 1)].value;
}

// Whether the first `count` are farther from the others than those, up to `far`, from each other.
bool FarFromOthers(const Edge& edge, size_t count, double far) {
  if (edge.size() <= count || edge[count].value == far) return false;
  return std::abs(edge[count - 1].value - edge[count].value) > std::abs(edge[count].value - far);
}

bool OnlyOnesBelowZero(const Edge& edge, size_t count) {
  return edge.size() >= count + kValuesAboveZero && edge[count - 1].value < 0.0 &&
         edge[count].value >= 0.0;
}

size_t CountSentinels(const Edge& edge, double far) {
  for (size_t count = Candidates(edge); count > 0; --count) {
    if (RowsOf(edge, count) < kSentinelRowsTogether) return 0;
    if (FarFromOthers(edge, count, far) || OnlyOnesBelowZero(edge, count)) return count;
  }
  return 0;
}

}  // namespace

std::vector<Sentinel> FindSentinels(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() && b.empty()) return {};
  const Edge low = EdgeOf(a.begin(), a.end(), b.begin(), b.end(), std::less<>());
  const Edge high = EdgeOf(a.rbegin(), a.rend(), b.rbegin(), b.rend(), std::greater<>());
  Edge found(low.begin(),
             low.begin() + static_cast<std::ptrdiff_t>(CountSentinels(low, FirstOther(high))));
  for (size_t i = CountSentinels(high, FirstOther(low)); i > 0; --i) found.push_back(high[i - 1]);
  for (Sentinel& sentinel : found) sentinel.spelling = Spell(sentinel.value);
  return found;
}

}  // namespace rubato
