// Defaults that follow from other keys or from the data. Chosen by validation log loss on seven
// public sets of 300 to 150,000 rows and on generated books of 2,000 to a million: every model's
// loss is then within 1 % of what three times the passes reach (README, "The run file").
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/run_config.h"

namespace rubato {

// Fills in what was not `given` and depends on other keys: optimizer.learning_rate by rule and
// model, train.best_epoch by whether there is something to choose with and a snapshot to keep.
void FillDefaults(const std::function<bool(const std::string& key)>& given, RunConfig* config);

// Fills in train.epochs and train.batch where they are 0: few rows are cut into small batches and
// seen often, else training is a handful of steps. Resolved configurations have both.
void SizeByRows(uint64_t train_rows, RunConfig* config);

}  // namespace rubato
