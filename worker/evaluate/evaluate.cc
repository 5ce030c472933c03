#include "worker/evaluate/evaluate.h"

#include <memory>

#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "worker/data/dataset/dataset.h"
#include "worker/evaluate/evaluation.h"
#include "worker/evaluate/scoring.h"
#include "worker/evaluate/segments.h"
#include "worker/evaluate/top_features.h"
#include "worker/evaluate/untrained_levels.h"
#include "worker/evaluate/worst_images.h"

namespace rubato {
namespace {

// One split with the weights that its rows need.
struct Part {
  std::string path;
  std::unique_ptr<Dataset> data;
  Parameters weights;
};

absl::StatusOr<Part> OpenPart(const std::string& path, const Model& model, const PullRows& pull,
                              const GoOn& go_on) {
  Part part;
  part.path = path;
  ASSIGN_OR_RETURN(part.data, OpenDataset(path));
  if (part.data->rows() == 0) return part;
  ASSIGN_OR_RETURN(Parameters keys, FindAllKeys(model, *part.data, go_on));
  ASSIGN_OR_RETURN(part.weights, pull(std::move(keys)));
  return part;
}

// What the constant of the training rows gets on these rows.
absl::StatusOr<Figures> JudgeConstant(const Target& target, const Dataset& data,
                                      std::span<const double> constant) {
  std::vector<float> prediction;
  for (uint64_t row = 0; row < data.rows(); ++row) {
    const float offset = data.offsets().empty() ? 0.0F : data.offsets()[row];
    const float scale = data.scales().empty() ? 1.0F : data.scales()[row];
    for (const double of_output : constant) {
      prediction.push_back(static_cast<float>(PredictConstant(target, of_output, offset)) * scale);
    }
  }
  return EvaluateRows(target, data, prediction, constant);
}

// constant_NAME for every metric that judges, if the judge has not told it.
void AddConstants(const Target& target, const Figures& of_constant, Figures* figures) {
  for (const MetricSpec& metric : DescriptionOf(target).metrics) {
    if (metric.better == Better::kNeither) continue;
    const std::string name = absl::StrCat("constant_", metric.name);
    if (!figures->Has(name)) figures->numbers.emplace_back(name, of_constant.at(metric.name));
  }
}

struct Judged {
  Figures figures;
  Figures of_constant;  // without tables
};

// The figures of `prediction` on the rows of `part`.
absl::StatusOr<Judged> JudgePart(const Part& part, const Model& model, const Encoding& encoding,
                                 std::span<const float> prediction) {
  const Target& target = model.spec().target;
  const std::span<const double> constant = encoding.prior.predictions;
  absl::StatusOr<Figures> figures = EvaluateRows(target, *part.data, prediction, constant);
  if (!figures.ok()) return Annotate(figures.status(), part.path);
  ASSIGN_OR_RETURN(Figures of_constant, JudgeConstant(target, *part.data, constant));
  AddConstants(target, of_constant, &*figures);
  of_constant.tables.clear();
  return Judged{.figures = *std::move(figures), .of_constant = std::move(of_constant)};
}

absl::StatusOr<Judged> ScoreAndJudge(const TrainedRun& run, const Part& part, Model* model,
                                     const GoOn& go_on) {
  ASSIGN_OR_RETURN(const std::vector<float> prediction,
                   Score(model, *part.data, part.weights, go_on));
  return JudgePart(part, *model, run.encoding, prediction);
}

// `"name": {...}` of the test rows, with what the constant gets, and tables by the rows' features.
absl::StatusOr<std::string> JudgeTest(const TrainedRun& run, const Part& test, Model* model,
                                      const GoOn& go_on) {
  ASSIGN_OR_RETURN(const std::vector<float> prediction,
                   Score(model, *test.data, test.weights, go_on));
  ASSIGN_OR_RETURN(const Judged judged, JudgePart(test, *model, run.encoding, prediction));
  std::string json = absl::StrCat("\"test\": ", FormatFigures(judged.figures),
                                  ",\n\"constant\": ", FormatFigures(judged.of_constant));
  const auto segments = SegmentsOf(run.encoding, model->spec().target, *test.data, prediction);
  if (!segments.empty()) absl::StrAppend(&json, ",\n\"segments\": ", FormatSegments(segments));
  const auto images = WorstImagesOf(run.encoding, *test.data, judged.figures);
  if (!images.empty()) absl::StrAppend(&json, ",\n\"worst_images\": ", FormatWorstImages(images));
  return json;
}

// `"name": [...]`, or nothing where no feature stands out.
absl::StatusOr<std::string> TopFeatures(const TrainedRun& run, const Part& part, Model* model,
                                        const GoOn& go_on) {
  const auto* const by_weight = model->spec().outputs() == 1 ? model->spec().OnlyLinear() : nullptr;
  std::vector<TopFeature> top;
  if (by_weight != nullptr) {
    top = LargestWeights(run.encoding, part.weights[by_weight->table]);
  } else {
    ASSIGN_OR_RETURN(top, PermutationImportance(run.encoding, model, {*part.data, part.weights},
                                                run.seed, go_on));
  }
  if (top.empty()) return std::string();
  return absl::StrCat(",\n\"top_features\": ",
                      FormatTopFeatures(top, by_weight != nullptr ? "weight" : "importance"));
}

}  // namespace

absl::Status EvaluateRun(const TrainedRun& run, Model* model, const PullRows& pull_trained,
                         const GoOn& go_on) {
  const PullRows pull = PullFilled({run.encoding, model->spec()}, pull_trained);
  RETURN_IF_ERROR(go_on());
  ASSIGN_OR_RETURN(const Part test, OpenPart(run.folder + "/data/test.rbd", *model, pull, go_on));
  RETURN_IF_ERROR(go_on());
  ASSIGN_OR_RETURN(const Part validation,
                   OpenPart(run.folder + "/data/validation.rbd", *model, pull, go_on));
  RETURN_IF_ERROR(go_on());
  ASSIGN_OR_RETURN(const std::string on_test, JudgeTest(run, test, model, go_on));
  std::string json = absl::StrCat("{", on_test);
  // What the best possible model would reach: the true means, judged by the same labels.
  if (const auto truth = test.data->oracle(); !truth.empty()) {
    RETURN_IF_ERROR(go_on());
    ASSIGN_OR_RETURN(const Judged best, JudgePart(test, *model, run.encoding, truth));
    absl::StrAppend(&json, ",\n\"oracle\": ", FormatFigures(best.figures));
  }
  // A run may do without validation rows (split.validation_percent = 0).
  if (validation.data->rows() > 0) {
    RETURN_IF_ERROR(go_on());
    ASSIGN_OR_RETURN(const Judged on_validation, ScoreAndJudge(run, validation, model, go_on));
    RETURN_IF_ERROR(go_on());
    ASSIGN_OR_RETURN(const std::string top, TopFeatures(run, validation, model, go_on));
    absl::StrAppend(&json, ",\n\"validation\": ", FormatFigures(on_validation.figures), top);
  }
  absl::StrAppend(&json, "}\n");
  RETURN_IF_ERROR(go_on());
  return WriteChecksummedText(run.folder + "/evaluation.json", json);
}

}  // namespace rubato
