#include "worker/data/encode/row_source.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/status.h"
#include "worker/data/encode/bound_table.h"
#include "worker/data/encode/index_set.h"
#include "worker/data/text/libsvm.h"

namespace rubato {
namespace {

void AppendFields(std::span<const absl::string_view> fields, char separator, std::string* out) {
  for (const absl::string_view field : fields) {
    AppendCsvField(field, separator, out);
    out->push_back(separator);
  }
}

class TableSource : public RowSource {
 public:
  TableSource(BoundTable bound, const DatasetShape& shape)
      : reader_(std::move(bound.reader)),
        encoder_(std::move(bound.encoder)),
        joined_(std::move(bound.joined)),
        has_offsets_(shape.offsets),
        has_scales_(shape.scales) {
    const std::vector<std::string>& names = reader_->header();
    const std::vector<absl::string_view> fields(names.begin(), names.end());
    AppendFields(Shown(fields), reader_->separator(), &header_);
  }

  const std::string& header() const override { return header_; }
  char separator() const override { return reader_->separator(); }

  absl::StatusOr<bool> Next(RowChunk* chunk) override {
    ASSIGN_OR_RETURN(const bool found, reader_->Next());
    if (!found) return false;
    encoder_->Encode(reader_->fields(), reader_->line());
    Batch& batch = chunk->batch;
    if (has_offsets_) {
      ASSIGN_OR_RETURN(const float offset, encoder_->Offset(*reader_));
      batch.offsets.push_back(offset);
    }
    if (has_scales_) {
      ASSIGN_OR_RETURN(const double scale, encoder_->Scale(*reader_));
      batch.scales.push_back(static_cast<float>(scale));
    }
    const auto numeric = encoder_->numeric();
    const auto categories = encoder_->categories();
    batch.numeric.insert(batch.numeric.end(), numeric.begin(), numeric.end());
    batch.categories.insert(batch.categories.end(), categories.begin(), categories.end());
    ++batch.rows;
    AppendFields(Shown(reader_->fields()), reader_->separator(), &chunk->text);
    chunk->ends.push_back(chunk->text.size());
    return true;
  }

  std::vector<ColumnNovelty> Novelties() const override {
    if (!reader_->item().empty()) return {};  // of a pixel alone there is nothing to say
    const auto novelties = encoder_->novelties();
    std::vector<ColumnNovelty> all(novelties.begin(), novelties.end());
    if (auto keys = JoinNovelty(joined_.get())) all.push_back(*std::move(keys));
    return all;
  }

 private:
  // Without what was joined to the file.
  std::span<const absl::string_view> Shown(std::span<const absl::string_view> fields) const {
    return fields.first(reader_->shown_columns());
  }

  std::unique_ptr<TableReader> reader_;
  std::unique_ptr<Encoder> encoder_;
  std::shared_ptr<const JoinedColumns> joined_;
  const bool has_offsets_;
  const bool has_scales_;
  std::string header_;
};

class LibsvmSource : public RowSource {
 public:
  LibsvmSource(std::unique_ptr<LibsvmReader> reader, const Encoding& encoding, std::string path)
      : reader_(std::move(reader)), encoding_(encoding), path_(std::move(path)) {}

  const std::string& header() const override { return header_; }
  char separator() const override { return ','; }

  absl::StatusOr<bool> Next(RowChunk* chunk) override {
    ASSIGN_OR_RETURN(const bool found, reader_->Next(&row_));
    if (!found) {
      RETURN_IF_ERROR(Annotate(CheckSameFirstIndex(encoding_.indices, indices_), path_));
      return false;
    }
    indices_.Widen(row_.keys);
    CountIndices(encoding_.trained_indices, row_.keys, reader_->line(), &features_);
    // Features beyond those of the training files have no weights.
    const auto known = std::lower_bound(row_.keys.begin(), row_.keys.end(), encoding_.sparse_keys);
    Batch& batch = chunk->batch;
    batch.keys.insert(batch.keys.end(), row_.keys.begin(), known);
    batch.values.insert(batch.values.end(), row_.values.begin(),
                        row_.values.begin() + (known - row_.keys.begin()));
    batch.row_begin.push_back(static_cast<uint32_t>(batch.keys.size()));
    ++batch.rows;
    chunk->ends.push_back(0);
    return true;
  }

  std::vector<ColumnNovelty> Novelties() const override { return {features_}; }

 private:
  std::unique_ptr<LibsvmReader> reader_;
  const Encoding& encoding_;
  const std::string path_;
  const std::string header_;
  LibsvmRow row_;
  IndexRange indices_;  // of the rows so far
  ColumnNovelty features_;
};

absl::StatusOr<std::unique_ptr<RowSource>> OpenTableSource(
    const Encoding& encoding, const std::string& path,
    const std::vector<std::string>& predictions) {
  ASSIGN_OR_RETURN(BoundTable bound,
                   OpenBoundTable(encoding, {.path = path, .last_day = LastDay::kGiven}));
  const auto names = std::span(bound.reader->header()).first(bound.reader->shown_columns());
  for (const std::string& prediction : predictions) {
    if (std::find(names.begin(), names.end(), prediction) == names.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has a column '%s' already, the name that predictions get; rename it",
                        path, prediction));
  }
  return std::make_unique<TableSource>(std::move(bound), encoding.Shape());
}

}  // namespace

void RowChunk::Clear(const DatasetShape& shape) {
  batch.rows = 0;
  batch.numeric_columns = shape.numeric_columns;
  batch.category_columns = shape.category_columns;
  batch.numeric.clear();
  batch.categories.clear();
  batch.row_begin.clear();
  if (shape.sparse_keys > 0) batch.row_begin.push_back(0);
  batch.keys.clear();
  batch.values.clear();
  batch.offsets.clear();
  batch.scales.clear();
  text.clear();
  ends.clear();
}

absl::StatusOr<std::unique_ptr<RowSource>> OpenRowSource(
    const Encoding& encoding, const std::string& path,
    const std::vector<std::string>& predictions) {
  if (encoding.format != "libsvm") return OpenTableSource(encoding, path, predictions);
  ASSIGN_OR_RETURN(auto reader, LibsvmReader::Open(path));
  return std::make_unique<LibsvmSource>(std::move(reader), encoding, path);
}

void AppendCsvField(absl::string_view field, char separator, std::string* out) {
  const char special[] = {'"', '\n', '\r', separator};
  if (field.find_first_of(absl::string_view(special, sizeof(special))) == field.npos) {
    out->append(field.data(), field.size());
    return;
  }
  out->push_back('"');
  for (const char c : field) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

}  // namespace rubato
