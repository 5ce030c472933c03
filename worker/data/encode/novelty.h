// What rows to be scored hold that no training row held, column by column: a model says nothing
// about it, and a person has to know how much of a file it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/data/text/sighting.h"

namespace rubato {

struct ColumnNovelty {
  std::string column;  // "": LIBSVM, all features together
  uint64_t cells = 0;  // looked at
  Sighting levels;     // of a category, never seen in training
  bool forgetful =
      false;           // training had more rare levels than are remembered: `levels` counts them
  Sighting texts;      // where numbers should stand, and nobody said that they mean missing
  Sighting outside;    // numbers below or above all of training
  Sighting missing;    // where training missed none
  Sighting unmatched;  // of data.join.key, that `joined` lacks or missing
  std::string joined;  // the file's path; if `unmatched`
  double low = 0.0;    // of training; if `outside`
  double high = 0.0;
  std::string recased;  // one of `levels` that differs only by case from `learnt`; "": none
  std::string learnt;
  // Population stability index of the cells against training (worker/data/encode/drift.h).
  double drift = 0.0;
  // Of the cells: those of all the kinds above.
  double UnknownShare() const;
};

// What a person should know of it; none if nothing is new.
std::vector<std::string> DescribeNovelty(const ColumnNovelty& novelty);
// Requires `texts`: what of it says that alone.
std::string DescribeTexts(const ColumnNovelty& novelty);
// What a person should know of its drift; "" if it is no great one.
std::string DescribeDrift(const ColumnNovelty& novelty);
// The same of `unmatched`.
std::string DescribeUnmatched(const ColumnNovelty& novelty);

}  // namespace rubato
