#include "worker/evaluate/predict.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "worker/data/encode/row_source.h"
#include "worker/data/text/show_text.h"
#include "worker/evaluate/predicted_columns.h"
#include "worker/evaluate/scoring.h"
#include "worker/evaluate/untrained_levels.h"

namespace rubato {
namespace {

constexpr uint64_t kRowsBetweenReports = 65536;

class Predictor {
 public:
  Predictor(Model* model, PullRows pull, const PredictedColumns& columns)
      : model_(model), columns_(columns), weights_(model->tables(), std::move(pull)) {}

  // The lines of a chunk with rows.
  absl::StatusOr<std::string> Lines(const RowChunk& chunk, char separator) {
    const size_t outputs = model_->spec().outputs();
    model_->FindKeys(chunk.batch, &rows_);
    RETURN_IF_ERROR(weights_.Fill(&rows_));
    prediction_.resize(chunk.batch.rows * outputs);
    RETURN_IF_ERROR(model_->Predict(chunk.batch, rows_, prediction_));
    TakeToOwnUnit(chunk.batch, prediction_);
    std::string lines;
    size_t begin = 0;
    for (size_t r = 0; r < chunk.batch.rows; ++r) {
      lines.append(chunk.text, begin, chunk.ends[r] - begin);
      begin = chunk.ends[r];
      const float offset = chunk.batch.offsets.empty() ? 0.0F : chunk.batch.offsets[r];
      columns_.Append(std::span(prediction_).subspan(r * outputs, outputs), offset, separator,
                      &lines);
      lines.push_back('\n');
    }
    return lines;
  }

 private:
  Model* const model_;
  const PredictedColumns& columns_;
  KnownWeights weights_;
  Parameters rows_;
  std::vector<float> prediction_;  // [rows, outputs]
};

// Fills `chunk`; false when the source has ended.
absl::StatusOr<bool> ReadChunk(RowSource* source, RowChunk* chunk) {
  while (chunk->batch.rows < kPredictRows && chunk->text.size() < kPredictBytes &&
         chunk->batch.keys.size() < kPredictFeatures) {
    ASSIGN_OR_RETURN(const bool found, source->Next(chunk));
    if (!found) return false;
  }
  return true;
}

absl::Status JudgeNovelties(std::span<const ColumnNovelty> novelties,
                            const Prediction& prediction) {
  for (const ColumnNovelty& novelty : novelties) {
    if (!DescribeNovelty(novelty).empty() || !DescribeDrift(novelty).empty()) {
      prediction.warn(novelty);
    }
  }
  for (const ColumnNovelty& novelty : novelties) {
    if (novelty.UnknownShare() <= prediction.max_unknown) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: %s; --max-unknown %g allows less, so nothing was written", prediction.in,
        absl::StrJoin(DescribeNovelty(novelty), "; "), prediction.max_unknown));
  }
  for (const ColumnNovelty& novelty : novelties) {
    if (novelty.drift <= prediction.max_drift) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: column '%s' is spread otherwise than in training (population stability index %.2f); "
        "--max-drift %g allows less, so nothing was written",
        prediction.in, ShowText(novelty.column), novelty.drift, prediction.max_drift));
  }
  return absl::OkStatus();
}

// The first line, as the input writes its own.
std::string Header(const RowSource& source, const std::vector<std::string>& names) {
  std::string line = source.header();
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) line.push_back(source.separator());
    AppendCsvField(names[i], source.separator(), &line);
  }
  return line + "\n";
}

absl::Status CheckOutput(const std::string& path) {
  for (const char* suffix : {".gz", ".zst"}) {
    if (!absl::EndsWith(path, suffix)) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "--out: predictions are plain text; choose a name that does not end with %s", suffix));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Predict(const Encoding& encoding, Model* model, PullRows pull,
                     const Prediction& prediction) {
  RETURN_IF_ERROR(CheckOutput(prediction.out));
  const PredictedColumns columns(model->spec().target, encoding);
  ASSIGN_OR_RETURN(const auto source, OpenRowSource(encoding, prediction.in, columns.names()));
  ASSIGN_OR_RETURN(const auto out, StagedFile::Create(prediction.out));
  RETURN_IF_ERROR(out->Write(Header(*source, columns.names())));
  Predictor predictor(model, PullFilled({encoding, model->spec()}, std::move(pull)), columns);
  const DatasetShape shape = encoding.Shape();
  RowChunk chunk;
  uint64_t rows = 0;
  uint64_t reported = 0;
  for (bool more = true; more;) {
    chunk.Clear(shape);
    ASSIGN_OR_RETURN(more, ReadChunk(source.get(), &chunk));
    if (chunk.batch.rows == 0) break;
    ASSIGN_OR_RETURN(const std::string lines, predictor.Lines(chunk, source->separator()));
    RETURN_IF_ERROR(out->Write(lines));
    rows += chunk.batch.rows;
    RETURN_IF_ERROR(prediction.go_on());
    if (rows - reported < kRowsBetweenReports) continue;
    reported = rows;
    RETURN_IF_ERROR(prediction.progress(rows));
  }
  RETURN_IF_ERROR(prediction.progress(rows));
  RETURN_IF_ERROR(JudgeNovelties(source->Novelties(), prediction));
  return out->Publish();
}

}  // namespace rubato
