#include "worker/compute/pipeline.h"

#include <deque>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

class CpuPipeline : public Pipeline {
 public:
  explicit CpuPipeline(Model* model) : model_(model) {}

  absl::Status Prepare(Batch batch, Parameters* keys) override {
    model_->FindKeys(batch, keys);
    prepared_.push_back(std::move(batch));
    return absl::OkStatus();
  }

  absl::Status Begin(Parameters rows) override {
    CHECK(begun_.size() < prepared_.size(), "Begin without Prepare");
    begun_.push_back(std::move(rows));
    return absl::OkStatus();
  }

  absl::StatusOr<double> Finish(Parameters* gradients) override {
    CHECK(!begun_.empty(), "Finish without Begin");
    ASSIGN_OR_RETURN(const double loss,
                     model_->Gradients(prepared_.front(), begun_.front(), gradients));
    prepared_.pop_front();
    begun_.pop_front();
    return loss;
  }

  absl::Status Clear() override {
    prepared_.clear();
    begun_.clear();
    return absl::OkStatus();
  }

 private:
  Model* const model_;
  std::deque<Batch> prepared_;
  std::deque<Parameters> begun_;  // of the first of them
};

}  // namespace

std::unique_ptr<Pipeline> MakePipeline(Model* model) {
  return std::make_unique<CpuPipeline>(model);
}

}  // namespace rubato
