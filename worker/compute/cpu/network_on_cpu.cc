#include "worker/compute/cpu/network_on_cpu.h"

#include <utility>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "worker/compute/cpu/blas.h"
#include "worker/compute/cpu/input_on_cpu.h"
#include "worker/compute/cpu/mean_loss.h"
#include "worker/compute/cpu/term_on_cpu.h"
#include "worker/spec/model_keys.h"
#include "worker/spec/target.h"

namespace rubato {

// They read nothing but embeddings, which are the network's.
std::unique_ptr<TermOnCpu> MakeTerm(const EmbeddingBag&, const ModelSpec&) { return nullptr; }

namespace {

class NetworkOnCpu : public Model {
 public:
  explicit NetworkOnCpu(ModelSpec spec);

  const ModelSpec& spec() const override { return spec_; }
  void FindKeys(const Batch& batch, Parameters* keys) const override { keys_.Find(batch, keys); }
  absl::StatusOr<double> Gradients(const Batch& batch, const Parameters& parameters,
                                   Parameters* gradients) override;
  absl::Status Predict(const Batch& batch, const Parameters& parameters,
                       std::span<float> prediction) override;

 private:
  // Fills margin_.
  void Forward(const Pass& pass);
  Matrix View(std::vector<float>* memory) const {
    return {memory->data(), memory->size() / outputs_, outputs_};
  }

  const ModelSpec spec_;
  const size_t outputs_;
  mutable ModelKeys keys_;
  InputOnCpu input_;
  std::vector<std::unique_ptr<TermOnCpu>> terms_;
  bool reads_input_ = false;     // one of them does
  std::vector<float> margin_;    // [rows, outputs]
  std::vector<float> d_margin_;  // [rows, outputs]
};

NetworkOnCpu::NetworkOnCpu(ModelSpec spec)
    : spec_(std::move(spec)), outputs_(spec_.outputs()), keys_(spec_), input_(spec_) {
  for (const Term& term : spec_.terms) {
    auto on_cpu = std::visit([this](const auto& kind) { return MakeTerm(kind, spec_); }, term);
    if (on_cpu == nullptr) continue;
    reads_input_ = reads_input_ || on_cpu->ReadsInput();
    terms_.push_back(std::move(on_cpu));
  }
}

void NetworkOnCpu::Forward(const Pass& pass) {
  CheckParameters(spec_.tables, pass.parameters);
  if (reads_input_) input_.Gather(pass.batch, pass.parameters);
  CHECK(pass.batch.offsets.empty() || outputs_ == 1);
  margin_ = pass.batch.offsets;
  margin_.resize(pass.batch.rows * outputs_);
  for (const auto& term : terms_) term->Forward(pass, View(&margin_));
}

absl::StatusOr<double> NetworkOnCpu::Gradients(const Batch& batch, const Parameters& parameters,
                                               Parameters* gradients) {
  const Pass pass{batch, parameters, Purpose::kTraining, input_};
  Forward(pass);
  d_margin_.resize(margin_.size());
  const MarginRows rows{View(&margin_), batch.labels, batch.weights};
  const Matrix d_margin = View(&d_margin_);
  const double loss =
      std::visit([&](const auto& target) { return MeanLossGradient(target.loss, rows, d_margin); },
                 spec_.target);
  ShapeGradients(spec_.tables, parameters, gradients);
  for (const auto& term : terms_) term->Backward(pass, d_margin, gradients);
  input_.Scatter(batch, gradients);
  return loss;
}

absl::Status NetworkOnCpu::Predict(const Batch& batch, const Parameters& parameters,
                                   std::span<float> prediction) {
  Forward({batch, parameters, Purpose::kScore, input_});
  CHECK(prediction.size() == margin_.size());
  const auto predict = [&](const auto& target) {
    for (size_t i = 0; i < margin_.size(); i += outputs_) {
      if constexpr (HasJointLoss<std::decay_t<decltype(target)>>) {
        target.Predict(&margin_[i], &prediction[i]);
      } else {
        prediction[i] = target.Predict(margin_[i] + spec_.prediction_shift);
      }
    }
  };
  std::visit(predict, spec_.target);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeNetworkOnCpu(ModelSpec spec) {
  RETURN_IF_ERROR(StartBlas());
  return std::make_unique<NetworkOnCpu>(std::move(spec));
}

}  // namespace rubato
