#include "worker/data/encode/novelty.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "worker/data/encode/drift.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// "column 'x': 3 of 40 values (7.5 %), the first 'y' in line 2, ".
std::string Begin(const ColumnNovelty& novelty, const Sighting& sighting) {
  const double share =
      100.0 * static_cast<double>(sighting.cells) / static_cast<double>(novelty.cells);
  return absl::StrFormat("column '%s': %d of %d values (%.3g %%), the first '%s' in line %d, ",
                         ShowText(novelty.column), sighting.cells, novelty.cells, share,
                         ShowText(sighting.first), sighting.line);
}

// LIBSVM has no columns.
std::string Features(const ColumnNovelty& novelty) {
  return absl::StrFormat("%d of %d features, the first %s in line %d, were never seen in training",
                         novelty.levels.cells, novelty.cells, novelty.levels.first,
                         novelty.levels.line);
}

std::string Levels(const ColumnNovelty& novelty) {
  if (novelty.column.empty()) return Features(novelty);
  std::string text = absl::StrCat(Begin(novelty, novelty.levels), "were never seen in training",
                                  novelty.forgetful ? ", or too rarely to be remembered" : "",
                                  ", and score as an average level");
  if (!novelty.recased.empty()) {
    absl::StrAppendFormat(&text, "; '%s' differs only by case from the known '%s'",
                          ShowText(novelty.recased), ShowText(novelty.learnt));
  }
  return text;
}

}  // namespace

double ColumnNovelty::UnknownShare() const {
  if (cells == 0) return 0.0;
  const uint64_t unknown =
      levels.cells + texts.cells + outside.cells + missing.cells + unmatched.cells;
  return static_cast<double>(unknown) / static_cast<double>(cells);
}

std::string DescribeTexts(const ColumnNovelty& novelty) {
  return absl::StrCat(Begin(novelty, novelty.texts),
                      "are not written as the numbers of the training file are, and were taken as "
                      "missing");
}

std::string DescribeUnmatched(const ColumnNovelty& novelty) {
  return absl::StrCat(Begin(novelty, novelty.unmatched), "are in no row of ", novelty.joined,
                      "; the columns that it brings (data.join) are missing in these rows");
}

std::string DescribeDrift(const ColumnNovelty& novelty) {
  if (novelty.drift <= kGreatDrift) return "";
  return absl::StrFormat(
      "column '%s': its %d values are spread otherwise than those of training (population "
      "stability index %.2f; from %g on a model is usually fitted anew)",
      ShowText(novelty.column), novelty.cells, novelty.drift, kGreatDrift);
}

std::vector<std::string> DescribeNovelty(const ColumnNovelty& novelty) {
  std::vector<std::string> sentences;
  if (novelty.levels.cells > 0) sentences.push_back(Levels(novelty));
  if (novelty.texts.cells > 0) sentences.push_back(DescribeTexts(novelty));
  if (novelty.outside.cells > 0) {
    sentences.push_back(absl::StrCat(Begin(novelty, novelty.outside),
                                     absl::StrFormat("lie outside of %g to %g, the range of "
                                                     "training",
                                                     novelty.low, novelty.high)));
  }
  if (novelty.missing.cells > 0) {
    sentences.push_back(absl::StrFormat(
        "column '%s': %d of %d values are missing, the first in line %d, and none was in training",
        ShowText(novelty.column), novelty.missing.cells, novelty.cells, novelty.missing.line));
  }
  if (novelty.unmatched.cells > 0) sentences.push_back(DescribeUnmatched(novelty));
  return sentences;
}

}  // namespace rubato
