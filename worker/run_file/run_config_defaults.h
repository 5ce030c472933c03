// Defaults that follow from other keys or from the data. Chosen by validation log loss on seven
// public sets of 300 to 150,000 rows and on generated books of 2,000 to a million: every model's
// loss is then within 1 % of what three times the passes reach (README, "The run file").
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "worker/run_file/run_config.h"

namespace rubato {

// Fills in what was not `given`: optimizer.learning_rate and optimizer.epsilon as 0, split.kind of
// a series as "time", train.best_epoch by whether there is something to choose with and a snapshot
// to keep.
void FillDefaults(const std::function<bool(const std::string& key)>& given, RunConfig* config);

struct TrainingRows {
  uint64_t rows = 0;
  // What a row's gradient by its margin is likely to be before anything is learnt, as far as it is
  // one-sided: large in few rows, small the other way in the rest.
  double one_sided_gradient = 0.0;
};

// Fills in what is 0, so that a resolved configuration has
//   train.epochs, train.batch: few rows are cut into small batches and seen often, else training
//     is a handful of steps;
//   optimizer.learning_rate: by rule and model, less of it where rows are few;
//   optimizer.epsilon: adagrad divides by the root of the squares that it has seen, so that its
//     first steps are as long as the rate however small their gradients are; where positives are
//     rare, those before the first positive would all lead down. A linear model's epsilon is what
//     one row adds to such a one-sided gradient: more (that of the bias, as all rows of a batch
//     add to it) would keep rare levels from being learnt.
void FitToData(const TrainingRows& train, RunConfig* config);

// The same for a run that goes on: what is 0 is taken from `before`, its resolved configuration.
void KeepFitted(const RunConfig& before, RunConfig* config);

}  // namespace rubato
