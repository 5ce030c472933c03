// Predictions for a whole data set from weights that were pulled once: the rows a data set needs,
// and its predictions chunk by chunk, so that memory does not grow with the number of rows.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "worker/compute/model.h"
#include "worker/data/dataset/dataset.h"

namespace rubato {

// Rows read at a time.
inline constexpr uint64_t kScoringRows = 4096;

// Calls visit with all rows of `data` in their order, kScoringRows at a time; its error ends it.
absl::Status ForEachChunk(const Dataset& data,
                          const std::function<absl::Status(uint64_t begin, const Batch&)>& visit);

// Asked after every chunk of rows: its error ends the work, and being asked shows that it goes on.
using GoOn = std::function<absl::Status()>;

// Keys of all rows of `data`, sorted and distinct, for all tables of `model`.
absl::StatusOr<Parameters> FindAllKeys(const Model& model, const Dataset& data, const GoOn& go_on);

// The rows of `wanted` (keys only) copied out of `all`, which holds every one of them.
void SelectRows(const Model& model, const Parameters& all, Parameters* wanted);

// Takes numbers of the rows of a batch, as many of each, from the unit that labels are learnt in to
// the label's own: multiplies them by the rows' scales.
void TakeToOwnUnit(const Batch& batch, std::span<float> numbers);

// prediction[data.rows(), outputs], in the label's own unit.
absl::StatusOr<std::vector<float>> Score(Model* model, const Dataset& data, const Parameters& all,
                                         const GoOn& go_on);

}  // namespace rubato
