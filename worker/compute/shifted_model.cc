#include "worker/compute/shifted_model.h"

#include <cmath>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

class ShiftedModel : public Model {
 public:
  ShiftedModel(std::unique_ptr<Model> model, double shift)
      : model_(std::move(model)), factor_(std::exp(shift)) {}

  const ModelSpec& spec() const override { return model_->spec(); }
  void FindKeys(const Batch& batch, Parameters* keys) const override {
    model_->FindKeys(batch, keys);
  }
  absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                   Parameters* gradients) override {
    return model_->Gradients(batch, parameters, gradients);
  }
  absl::Status Predict(const Batch& batch, const Parameters& parameters,
                       std::span<float> probability) override {
    RETURN_IF_ERROR(model_->Predict(batch, parameters, probability));
    for (float& p : probability) p = Shifted(p);
    return absl::OkStatus();
  }

 private:
  // The odds times exp(shift): 0 and 1 stay what they are.
  float Shifted(double p) const {
    return static_cast<float>(factor_ * p / (factor_ * p + (1.0 - p)));
  }

  const std::unique_ptr<Model> model_;
  const double factor_;
};

}  // namespace

std::unique_ptr<Model> ShiftPredictions(std::unique_ptr<Model> model, double shift) {
  if (shift == 0.0) return model;
  return std::make_unique<ShiftedModel>(std::move(model), shift);
}

}  // namespace rubato
