#include "worker/evaluate.h"

#include <memory>

#include "common/status.h"
#include "worker/analysis/evaluation.h"
#include "worker/data/dataset.h"
#include "worker/data/run_folder.h"
#include "worker/scoring.h"

namespace rubato {
namespace {

absl::StatusOr<Evaluation> EvaluatePart(const std::string& path, Model* model, Reader* reader) {
  ASSIGN_OR_RETURN(const auto data, OpenDataset(path));
  ASSIGN_OR_RETURN(const Parameters weights, reader->Pull(FindAllKeys(*model, *data)));
  const std::vector<float> probability = Score(model, *data, weights);
  absl::StatusOr<Evaluation> evaluation =
      Evaluate(ReadLabels(*data), probability, data->true_probability());
  if (!evaluation.ok()) return Annotate(evaluation.status(), path);
  return evaluation;
}

}  // namespace

absl::Status EvaluateRun(const std::string& run_folder, Model* model, Reader* reader) {
  ASSIGN_OR_RETURN(const Evaluation validation,
                   EvaluatePart(run_folder + "/data/validation.rbd", model, reader));
  ASSIGN_OR_RETURN(const Evaluation test,
                   EvaluatePart(run_folder + "/data/test.rbd", model, reader));
  std::string json = absl::StrCat("{\"test\": ", FormatEvaluationJson(test),
                                  ",\n\"validation\": ", FormatEvaluationJson(validation));
  if (test.oracle) {
    absl::StrAppend(&json,
                    absl::StrFormat(",\n\"oracle\": {\"auc\": %.9g, \"logloss\": %.9g, "
                                    "\"brier\": %.9g}",
                                    test.oracle->auc, test.oracle->logloss, test.oracle->brier));
  }
  absl::StrAppend(&json, "}\n");
  return WriteTextFile(run_folder + "/evaluation.json", json);
}

}  // namespace rubato
