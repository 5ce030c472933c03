#include "worker/data/prepare/split.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/data/prepare/digest.h"
#include "worker/data/text/digits.h"
#include "worker/data/text/field.h"
#include "worker/data/text/text_form.h"

namespace rubato {
namespace {

// The time at which `percent` of the rows have passed: rows from it on belong to the next part.
double TimeBound(const std::vector<double>& sorted, int64_t percent) {
  const size_t index = sorted.size() * static_cast<size_t>(percent) / 100;
  return index < sorted.size() ? sorted[index] : std::numeric_limits<double>::infinity();
}

// Times from which on rows validate, and test.
struct TimeBounds {
  double validation;
  double test;
};

// Of the times of all rows.
TimeBounds BoundsOf(std::vector<double> sorted, const SplitConfig& split, TestFile test_file) {
  if (test_file == TestFile::kNone && split.test_from.empty()) {
    return {TimeBound(sorted, split.train_percent),
            TimeBound(sorted, split.train_percent + split.validation_percent)};
  }
  const double test = ParseTime(split.test_from).value_or(std::numeric_limits<double>::infinity());
  sorted.erase(std::lower_bound(sorted.begin(), sorted.end(), test), sorted.end());
  return {std::min(test, TimeBound(sorted, 100 - split.validation_percent)), test};
}

std::vector<SplitPart> TimeSplit(const std::vector<double>& times, const SplitConfig& split,
                                 TestFile test_file) {
  std::vector<double> sorted;
  std::copy_if(times.begin(), times.end(), std::back_inserter(sorted),
               [](double time) { return !std::isnan(time); });
  std::sort(sorted.begin(), sorted.end());
  const TimeBounds from = BoundsOf(std::move(sorted), split, test_file);
  std::vector<SplitPart> parts;
  parts.reserve(times.size());
  for (const double time : times) {
    parts.push_back(std::isnan(time)         ? SplitPart::kDropped
                    : time < from.validation ? SplitPart::kTrain
                    : time < from.test       ? SplitPart::kValidation
                                             : SplitPart::kTest);
  }
  return parts;
}

// [rows]
std::vector<uint32_t> RowHashes(const SplitRows& rows, const SplitConfig& split) {
  std::vector<uint32_t> hashes;
  if (!split.group.empty()) hashes = rows.groups;
  for (size_t row = hashes.size(); row < rows.classes.size(); ++row) {
    hashes.push_back(SplitHash(absl::StrCat(row)));
  }
  if (split.seed == 0) return hashes;
  for (uint32_t& hash : hashes) hash = SplitHash(absl::StrCat(split.seed, ":", hash));
  return hashes;
}

void DropUnlabelled(const SplitRows& rows, std::vector<SplitPart>* parts) {
  for (size_t row = 0; row < parts->size(); ++row) {
    if (rows.classes[row] == LabelClass::kIgnored) (*parts)[row] = SplitPart::kDropped;
  }
}

bool HasFewRows(const PartClasses& counts, const std::array<int64_t, kSplitParts>& shares) {
  for (size_t part = 0; part < kSplitParts; ++part) {
    const auto& [negatives, positives] = counts[part];
    if (shares[part] > 0 && std::min(negatives, positives) < kFewRows) return true;
  }
  return false;
}

// How many of `rows` each part gets: what is nearest to its percent, and one at least while there
// are that many. The sum is `rows`.
std::array<uint64_t, kSplitParts> Allot(uint64_t rows,
                                        const std::array<int64_t, kSplitParts>& shares) {
  std::array<uint64_t, kSplitParts> allotted = {};
  for (uint64_t given = 0; given < rows; ++given) {
    // To the part that is furthest behind its share; one without any comes before all others.
    size_t next = 0;
    double most = -std::numeric_limits<double>::infinity();
    for (size_t part = 0; part < kSplitParts; ++part) {
      if (shares[part] == 0) continue;
      const double share = static_cast<double>(rows) * static_cast<double>(shares[part]) / 100.0;
      const double behind = allotted[part] == 0 ? 2.0 * static_cast<double>(rows) + share
                                                : share - static_cast<double>(allotted[part]);
      if (behind > most) {
        most = behind;
        next = part;
      }
    }
    ++allotted[next];
  }
  return allotted;
}

void Stratify(const SplitRows& rows, const std::vector<uint32_t>& hashes,
              const std::array<int64_t, kSplitParts>& shares, std::vector<SplitPart>* parts) {
  std::array<std::vector<size_t>, kRowClasses> classes;
  for (size_t row = 0; row < parts->size(); ++row) {
    if ((*parts)[row] == SplitPart::kDropped) continue;
    classes[static_cast<size_t>(rows.classes[row])].push_back(row);
  }
  for (std::vector<size_t>& members : classes) {
    std::sort(members.begin(), members.end(), [&hashes](size_t a, size_t b) {
      return std::tuple(hashes[a] % 100, hashes[a], a) < std::tuple(hashes[b] % 100, hashes[b], b);
    });
    const auto allotted = Allot(members.size(), shares);
    auto member = members.begin();
    for (size_t part = 0; part < kSplitParts; ++part) {
      for (uint64_t i = 0; i < allotted[part]; ++i) {
        (*parts)[*member++] = static_cast<SplitPart>(part);
      }
    }
  }
}

}  // namespace

const char* SplitPartName(SplitPart part) {
  switch (part) {
    case SplitPart::kTrain:
      return "train";
    case SplitPart::kValidation:
      return "validation";
    case SplitPart::kTest:
      return "test";
    case SplitPart::kDropped:
      break;
  }
  return "dropped";
}

uint32_t SplitHash(absl::string_view key) { return Md5Prefix(key); }

SplitPart PartOfHash(uint32_t hash, const SplitConfig& split, TestFile test_file) {
  const int64_t h = hash % 100;
  if (h < split.train_percent) return SplitPart::kTrain;
  if (h < split.train_percent + split.validation_percent) return SplitPart::kValidation;
  return test_file == TestFile::kGiven ? SplitPart::kTrain : SplitPart::kTest;
}

std::array<int64_t, kSplitParts> SplitShares(const SplitConfig& split, TestFile test_file) {
  const int64_t validation = split.validation_percent;
  if (test_file == TestFile::kGiven) return {100 - validation, validation, 0};
  if (!split.test_from.empty()) return {100 - validation, validation, 1};
  return {split.train_percent, validation, 100 - split.train_percent - validation};
}

PartClasses CountClasses(const SplitRows& rows, const std::vector<SplitPart>& parts) {
  PartClasses counts = {};
  for (size_t row = 0; row < parts.size(); ++row) {
    if (parts[row] == SplitPart::kDropped) continue;
    ++counts[static_cast<size_t>(parts[row])][static_cast<size_t>(rows.classes[row])];
  }
  return counts;
}

RowParts MakeSplit(const SplitRows& rows, const SplitConfig& split, TestFile test_file) {
  RowParts made;
  if (split.kind == "time") {
    made.parts = TimeSplit(rows.times, split, test_file);
    DropUnlabelled(rows, &made.parts);
    return made;
  }
  const std::vector<uint32_t> hashes = RowHashes(rows, split);
  for (const uint32_t hash : hashes) made.parts.push_back(PartOfHash(hash, split, test_file));
  DropUnlabelled(rows, &made.parts);
  const auto shares = SplitShares(split, test_file);
  made.stratified =
      rows.two_classes && split.group.empty() && HasFewRows(CountClasses(rows, made.parts), shares);
  if (made.stratified) Stratify(rows, hashes, shares, &made.parts);
  return made;
}

std::optional<double> ParseTime(absl::string_view field) {
  if (!LooksLikeIsoTime(field)) return ParseNumber(field, DecimalComma::kNo);
  constexpr size_t kDigits = 14;  // YYYYMMDDhhmmss, exact in a double
  double value = 0.0;
  size_t digits = 0;
  for (const char c : field) {
    const bool between = c == '-' || c == '/' || c == ':' || c == 'T' || c == ' ';
    // Fractions of a second and the zone.
    if (digits == kDigits || !(between || IsDigit(c))) break;
    if (between) continue;
    value = value * 10.0 + (c - '0');
    ++digits;
  }
  return value * std::pow(10.0, static_cast<double>(kDigits - digits));
}

}  // namespace rubato
