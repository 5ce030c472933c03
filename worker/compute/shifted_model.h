// A model whose predictions are moved along the margin by a constant: probabilities of a model that
// was trained on weighted classes, taken back to their rate (worker/data/encode/prior.h). Training
// is that of the model itself.
#pragma once

#include <memory>

#include "worker/compute/model.h"

namespace rubato {

// `model` as it is where `shift` is 0.
std::unique_ptr<Model> ShiftPredictions(std::unique_ptr<Model> model, double shift);

}  // namespace rubato
