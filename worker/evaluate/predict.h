// Predictions of a trained model for the rows of a file, in the order of the file, in memory that
// does not grow with it.
//
// CSV in: the rows as they were (separator kept, RFC 4180 quotes, lines ended by LF) with the
// columns of the target behind them (`pd`, the probability of the positive label;
// predicted_columns.h). LIBSVM in: a CSV with those columns alone. Predictions have nine digits,
// which give back the very float, and a decimal point whatever the file's numbers have.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "worker/compute/model.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/novelty.h"
#include "worker/evaluate/known_weights.h"
#include "worker/evaluate/scoring.h"

namespace rubato {

// A chunk of rows goes through the model when it has so many rows, or so many bytes of text or
// sparse features: a few times that is the memory that a prediction takes beside the weights.
inline constexpr size_t kPredictRows = 4096;
inline constexpr size_t kPredictBytes = size_t{4} << 20;
inline constexpr size_t kPredictFeatures = size_t{1} << 20;

struct Prediction {
  std::string in;   // CSV or LIBSVM, plain or compressed
  std::string out;  // replaced when all is done, untouched when not; plain CSV
  // Told now and then, and at the end, how many rows are done; an error ends it.
  std::function<absl::Status(uint64_t rows)> progress;
  // Asked after every chunk of rows; an error ends it.
  GoOn go_on = [] { return absl::OkStatus(); };
  // The largest share of a column's cells that may be unknown (ColumnNovelty::UnknownShare).
  double max_unknown = 1.0;
  // The largest ColumnNovelty::drift of a column.
  double max_drift = std::numeric_limits<double>::infinity();
  // Told at the end what each column held that training did not, if anything.
  std::function<void(const ColumnNovelty& novelty)> warn = [](const ColumnNovelty&) {};
};

// InvalidArgument: a missing column or an --out that asks for compression. DataLoss: a bad row, by
// its line. FailedPrecondition: more unknown values than max_unknown, or more drift than
// max_drift. Unavailable: no room on the disk. Else what `pull`, `progress` or `go_on` fails with.
absl::Status Predict(const Encoding& encoding, Model* model, PullRows pull,
                     const Prediction& prediction);

}  // namespace rubato
