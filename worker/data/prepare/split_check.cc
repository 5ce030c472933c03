#include "worker/data/prepare/split_check.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

constexpr int64_t kSeedsTried = 50;
constexpr int64_t kPercentStep = 5;
// Rows that may be split anew in search of values that work: some seconds.
constexpr uint64_t kRowsTried = 20'000'000;

struct Counted {
  PartClasses counts;
  std::array<int64_t, kSplitParts> shares;
  bool two_classes;

  uint64_t Of(size_t part, LabelClass label_class) const {
    return counts[part][static_cast<size_t>(label_class)];
  }
  // Rows of the rarer class, or, without classes, all.
  uint64_t Rarer(size_t part) const {
    return two_classes ? std::min(counts[part][0], counts[part][1]) : counts[part][0];
  }
  // The first part that has a share and lacks a class, or rows.
  std::optional<size_t> Lacking() const {
    for (size_t part = 0; part < kSplitParts; ++part) {
      if (shares[part] > 0 && Rarer(part) == 0) return part;
    }
    return std::nullopt;
  }
};

Counted Count(const SplitRows& rows, const SplitConfig& split, TestFile test_file) {
  return {CountClasses(rows, MakeSplit(rows, split, test_file).parts),
          SplitShares(split, test_file), rows.two_classes};
}

// Percents for a split by time, those that are nearest to the run file's first.
std::vector<SplitConfig> OtherPercents(const SplitConfig& split) {
  std::vector<SplitConfig> others;
  for (int64_t train = kPercentStep; train < 100; train += kPercentStep) {
    for (int64_t validation = kPercentStep; train + validation < 100; validation += kPercentStep) {
      SplitConfig& other = others.emplace_back(split);
      other.train_percent = train;
      other.validation_percent = validation;
    }
  }
  const auto distance = [&split](const SplitConfig& other) {
    return std::abs(other.train_percent - split.train_percent) +
           std::abs(other.validation_percent - split.validation_percent);
  };
  std::stable_sort(others.begin(), others.end(),
                   [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  return others;
}

// What the run file could say instead, the least change first.
std::vector<SplitConfig> Alternatives(const SplitRows& rows, const SplitConfig& split) {
  std::vector<SplitConfig> others;
  if (split.kind == "time") {
    others = OtherPercents(split);
  } else if (!split.group.empty()) {
    for (int64_t seed = 1; seed <= kSeedsTried; ++seed) others.emplace_back(split).seed = seed;
  }
  others.resize(std::min<size_t>(others.size(), kRowsTried / (rows.classes.size() + 1) + 1));
  if (split.validation_percent > 0) others.emplace_back(split).validation_percent = 0;
  if (!split.group.empty()) others.emplace_back(split).group = "";
  if (!split.test_from.empty()) others.emplace_back(split).test_from = "";
  return others;
}

std::string Difference(const SplitConfig& split, const SplitConfig& other) {
  std::vector<std::string> keys;
  const auto compare = [&keys](const char* name, int64_t before, int64_t now) {
    if (before != now) keys.push_back(absl::StrFormat("split.%s = %d", name, now));
  };
  compare("seed", split.seed, other.seed);
  if (split.group != other.group) keys.emplace_back("split.group = \"\" (stratified)");
  if (split.test_from != other.test_from) keys.emplace_back("split.test_from = \"\"");
  compare("train_percent", split.train_percent, other.train_percent);
  compare("validation_percent", split.validation_percent, other.validation_percent);
  if (other.validation_percent == 0) keys.emplace_back("train.best_epoch = false");
  return absl::StrJoin(keys, ", ");
}

std::string Remedy(const SplitRows& rows, const SplitConfig& split, TestFile test_file) {
  for (const SplitConfig& other : Alternatives(rows, split)) {
    if (!Count(rows, other, test_file).Lacking()) {
      return absl::StrFormat("these values work: %s", Difference(split, other));
    }
  }
  const auto shares = SplitShares(split, test_file);
  const auto count = [&rows](LabelClass label_class) {
    return std::count(rows.classes.begin(), rows.classes.end(), label_class);
  };
  if (!rows.two_classes) {
    return absl::StrFormat("the file has %s with a label: add some",
                           ShowRows(static_cast<uint64_t>(count(LabelClass::kNegative))));
  }
  return absl::StrFormat(
      "the file has %d positive and %d negative rows: add rows, %d of each class at least%s",
      count(LabelClass::kPositive), count(LabelClass::kNegative),
      kSplitParts - static_cast<size_t>(std::count(shares.begin(), shares.end(), 0)),
      split.kind == "time" ? ", or use split.kind = \"hash\"" : "");
}

// "4 positive rows to train, 1 validation, 1 test", of the rarer class.
std::string ShowParts(const Counted& counted, LabelClass label_class) {
  std::vector<std::string> shown;
  for (size_t part = 0; part < kSplitParts; ++part) {
    if (counted.shares[part] == 0) continue;
    shown.push_back(absl::StrFormat("%s %d", SplitPartName(static_cast<SplitPart>(part)),
                                    counted.Of(part, label_class)));
  }
  return absl::StrJoin(shown, ", ");
}

void WarnOfFewRows(const Counted& counted, const RowParts& parts, std::vector<Warning>* warnings) {
  uint64_t totals[kRowClasses] = {};
  bool few = false;
  for (size_t part = 0; part < kSplitParts; ++part) {
    for (size_t i = 0; i < kRowClasses; ++i) totals[i] += counted.counts[part][i];
    few = few || (counted.shares[part] > 0 && counted.Rarer(part) < kFewRows);
  }
  const bool positives_rarer = totals[1] <= totals[0];
  const LabelClass rarer = positives_rarer ? LabelClass::kPositive : LabelClass::kNegative;
  const char* name = positives_rarer ? "positive" : "negative";
  if (parts.stratified) {
    warnings->push_back(
        {"", "stratified",
         absl::StrFormat("there are few rows of a class (%d %s), so the split is stratified: rows "
                         "of either class are cut by the percents; %s: %s",
                         totals[positives_rarer ? 1 : 0], name, name, ShowParts(counted, rarer))});
  }
  if (few) {
    warnings->push_back({"", "few_rows",
                         absl::StrFormat("figures of a part with fewer than %d rows of a class say "
                                         "little; %s: %s",
                                         kFewRows, name, ShowParts(counted, rarer))});
  }
}

}  // namespace

absl::StatusOr<RowParts> MakeCheckedSplit(const SplitRows& rows, const SplitConfig& split,
                                          TestFile test_file, const std::string& where,
                                          std::vector<Warning>* warnings) {
  if (!split.test_from.empty() && !ParseTime(split.test_from)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "split.test_from = \"%s\" is neither a number nor a date like 2015-03-31; write it as the "
        "rows have their times",
        ShowText(split.test_from)));
  }
  RowParts made = MakeSplit(rows, split, test_file);
  const Counted counted = {CountClasses(rows, made.parts), SplitShares(split, test_file),
                           rows.two_classes};
  if (const std::optional<size_t> part = counted.Lacking()) {
    const uint64_t positives = counted.Of(*part, LabelClass::kPositive);
    const absl::flat_hash_set<uint32_t> groups(rows.groups.begin(), rows.groups.end());
    const std::string by =
        split.group.empty() ? "" : absl::StrFormat(" of the %d groups", groups.size());
    const std::string lack =
        rows.two_classes
            ? absl::StrFormat(", %d of them positive, and needs rows of both classes", positives)
            : "";
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the %s part%s would have %s%s; %s", where,
                        SplitPartName(static_cast<SplitPart>(*part)), by,
                        ShowRows(positives + counted.Of(*part, LabelClass::kNegative)), lack,
                        Remedy(rows, split, test_file)));
  }
  if (rows.two_classes) WarnOfFewRows(counted, made, warnings);
  return made;
}

SplitReport ReportSplit(const SplitConfig& split, const RowParts& made) {
  return {split.kind, split.seed, split.group, split.test_from, made.stratified};
}

}  // namespace rubato
