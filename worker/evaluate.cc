#include "worker/evaluate.h"

#include <memory>

#include "common/status.h"
#include "worker/analysis/evaluation.h"
#include "worker/data/dataset.h"
#include "worker/data/run_folder.h"
#include "worker/scoring.h"
#include "worker/top_features.h"

namespace rubato {
namespace {

// One split with the weights that its rows need.
struct Part {
  std::string path;
  std::unique_ptr<Dataset> data;
  Parameters weights;
};

absl::StatusOr<Part> OpenPart(const std::string& path, const Model& model, Reader* reader) {
  Part part;
  part.path = path;
  ASSIGN_OR_RETURN(part.data, OpenDataset(path));
  if (part.data->rows() == 0) return part;
  ASSIGN_OR_RETURN(part.weights, reader->Pull(FindAllKeys(model, *part.data)));
  return part;
}

absl::StatusOr<Evaluation> EvaluatePart(const Part& part, Model* model) {
  const std::vector<float> probability = Score(model, *part.data, part.weights);
  absl::StatusOr<Evaluation> evaluation =
      Evaluate(ReadLabels(*part.data), probability, part.data->true_probability());
  if (!evaluation.ok()) return Annotate(evaluation.status(), part.path);
  return evaluation;
}

// `"name": [...]`, or nothing where no feature stands out.
std::string TopFeatures(const TrainedRun& run, const Part& part, Model* model) {
  const bool by_weight = run.model_kind == "logistic";
  const std::vector<TopFeature> top =
      by_weight ? LargestWeights(run.encoding, part.weights[0])
                : PermutationImportance(run.encoding, model, *part.data, part.weights, run.seed);
  if (top.empty()) return "";
  return absl::StrCat(",\n\"top_features\": ",
                      FormatTopFeatures(top, by_weight ? "weight" : "importance"));
}

std::string OracleJson(const OracleEvaluation& oracle) {
  return absl::StrFormat(",\n\"oracle\": {\"auc\": %.9g, \"logloss\": %.9g, \"brier\": %.9g}",
                         oracle.auc, oracle.logloss, oracle.brier);
}

}  // namespace

absl::Status EvaluateRun(const TrainedRun& run, Model* model, Reader* reader) {
  ASSIGN_OR_RETURN(const Part test, OpenPart(run.folder + "/data/test.rbd", *model, reader));
  ASSIGN_OR_RETURN(const Part validation,
                   OpenPart(run.folder + "/data/validation.rbd", *model, reader));
  ASSIGN_OR_RETURN(const Evaluation on_test, EvaluatePart(test, model));
  std::string json = absl::StrCat("{\"test\": ", FormatEvaluationJson(on_test));
  if (on_test.oracle) absl::StrAppend(&json, OracleJson(*on_test.oracle));
  // A run may do without validation rows (split.validation_percent = 0).
  if (validation.data->rows() > 0) {
    ASSIGN_OR_RETURN(const Evaluation on_validation, EvaluatePart(validation, model));
    absl::StrAppend(&json, ",\n\"validation\": ", FormatEvaluationJson(on_validation),
                    TopFeatures(run, validation, model));
  }
  absl::StrAppend(&json, "}\n");
  return WriteTextFile(run.folder + "/evaluation.json", json);
}

}  // namespace rubato
