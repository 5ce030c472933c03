#include "server/snapshot/weights_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <memory>
#include <span>
#include <utility>

#include "common/base/digest.h"
#include "common/base/json_text.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"

namespace rubato {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie");

// A file on its way, counted and hashed.
class HashedFile {
 public:
  static absl::StatusOr<HashedFile> Create(const std::string& path) {
    ASSIGN_OR_RETURN(std::unique_ptr<StagedFile> file, StagedFile::Create(path));
    return HashedFile(std::move(file));
  }

  absl::Status Write(absl::string_view bytes) {
    digest_->Add(bytes);
    bytes_ += bytes.size();
    return file_->Write(bytes);
  }
  absl::StatusOr<WrittenFile> Publish() {
    RETURN_IF_ERROR(file_->Publish());
    return WrittenFile{.bytes = bytes_, .sha256 = digest_->Finish()};
  }

 private:
  explicit HashedFile(std::unique_ptr<StagedFile> file) : file_(std::move(file)) {}

  std::unique_ptr<StagedFile> file_;
  std::unique_ptr<Sha256OfPieces> digest_ = std::make_unique<Sha256OfPieces>();
  uint64_t bytes_ = 0;
};

// Safetensors -------------------------------------------------------------------------------------

constexpr uint64_t kAlignment = 8;

struct Tensor {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  absl::string_view bytes;  // of the weights that it was made of
};

template <class T>
absl::string_view BytesOf(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<Tensor> TensorsOf(const std::vector<TableWeights>& tables) {
  std::vector<Tensor> tensors;
  for (const TableWeights& t : tables) {
    if (t.spec.kind == TableKind::kDense) continue;
    tensors.push_back({t.spec.name + ".keys", "U64", {t.keys.size()}, BytesOf(t.keys)});
  }
  for (const TableWeights& t : tables) {
    if (t.spec.kind == TableKind::kDense) {
      tensors.push_back({t.spec.name, "F32", {t.weights.size()}, BytesOf(t.weights)});
    } else {
      tensors.push_back(
          {t.spec.name + ".rows", "F32", {t.keys.size(), t.spec.dim}, BytesOf(t.weights)});
    }
  }
  return tensors;
}

// What the header says of a tensor.
struct TensorEntry {
  const Tensor* tensor;
  std::pair<uint64_t, uint64_t> offsets;

  template <class Field>
  void Fields(Field field) const {
    field("dtype", tensor->dtype);
    field("shape", tensor->shape);
    field("data_offsets", offsets);
  }
};

absl::StatusOr<std::string> HeaderOf(const std::vector<Tensor>& tensors) {
  std::string header = "{";
  uint64_t begin = 0;
  for (const Tensor& tensor : tensors) {
    const uint64_t end = begin + tensor.bytes.size();
    absl::StrAppend(&header, header.size() == 1 ? "" : ",", QuotedText(tensor.name), ":",
                    JsonText(TensorEntry{&tensor, {begin, end}}));
    begin = end;
  }
  header += "}";
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  if (header.size() <= kMaxSafetensorsHeaderBytes) return header;
  return absl::InvalidArgumentError(absl::StrFormat(
      "the names of all tables are a header of %d bytes, and nobody reads a safetensors file with "
      "more than %d; use --format csv",
      header.size(), kMaxSafetensorsHeaderBytes));
}

absl::Status WriteSafetensors(const std::vector<TableWeights>& tables, HashedFile* file) {
  const std::vector<Tensor> tensors = TensorsOf(tables);
  ASSIGN_OR_RETURN(const std::string header, HeaderOf(tensors));
  const uint64_t length = header.size();
  RETURN_IF_ERROR(file->Write({reinterpret_cast<const char*>(&length), sizeof(length)}));
  RETURN_IF_ERROR(file->Write(header));
  for (const Tensor& tensor : tensors) RETURN_IF_ERROR(file->Write(tensor.bytes));
  return absl::OkStatus();
}

// CSV ---------------------------------------------------------------------------------------------

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

void AppendWeight(float weight, std::string* line) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), weight);
  CHECK(end.ec == std::errc());
  line->append(digits.data(), end.ptr);
}

uint32_t Columns(const TableSpec& spec) { return spec.kind == TableKind::kDense ? 1 : spec.dim; }

absl::Status WriteCsvTable(const TableWeights& table, uint32_t columns, HashedFile* file) {
  const std::string name = CsvField(table.spec.name) + ",";
  const uint32_t filled = Columns(table.spec);
  std::string line;
  for (size_t row = 0; row < table.weights.size() / filled; ++row) {
    line = name;
    absl::StrAppend(&line, table.keys.empty() ? row : table.keys[row].value());
    for (uint32_t i = 0; i < columns; ++i) {
      line += ',';
      if (i < filled) AppendWeight(table.weights[row * filled + i], &line);
    }
    line += '\n';
    RETURN_IF_ERROR(file->Write(line));
  }
  return absl::OkStatus();
}

absl::Status WriteCsv(const std::vector<TableWeights>& tables, HashedFile* file) {
  uint32_t columns = 1;
  for (const TableWeights& table : tables) columns = std::max(columns, Columns(table.spec));
  std::string header = "table,key";
  for (uint32_t i = 0; i < columns; ++i) absl::StrAppend(&header, ",weight_", i);
  RETURN_IF_ERROR(file->Write(header + "\n"));
  for (const TableWeights& table : tables) RETURN_IF_ERROR(WriteCsvTable(table, columns, file));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WrittenFile> WriteWeightsFile(WeightsFormat format,
                                             const std::vector<TableWeights>& tables,
                                             const std::string& path) {
  ASSIGN_OR_RETURN(HashedFile file, HashedFile::Create(path));
  RETURN_IF_ERROR(format == WeightsFormat::kCsv ? WriteCsv(tables, &file)
                                                : WriteSafetensors(tables, &file));
  return file.Publish();
}

}  // namespace rubato
