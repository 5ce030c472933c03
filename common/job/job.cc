// The door of JSON for jobs. Bytes of a job come from a file that anybody may have edited.
#include "common/job/job.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/checksummed_text.h"
#include "common/base/limits.h"
#include "common/base/status.h"

namespace rubato {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxRetention = 1ull << 48;
constexpr uint64_t kMaxIterationBytes = 1ull << 60;
constexpr uint64_t kMaxIterationRows = kMaxSeats * kMaxBatchRows;
constexpr int64_t kMaxLeaseMs = 3'600'000;

// Of job files, which say it as "version"; a file that does not is of the first.
constexpr uint32_t kFirstVersion = 1;
// From which on no file says "evaluate": before it all said true.
constexpr uint32_t kWithoutEvaluate = 2;
// From which on files say "lease_ms" and "deterministic".
constexpr uint32_t kWithLease = 3;
// From which on files say "iteration_rows", "iteration_bytes" and "feature_keys".
constexpr uint32_t kWithIterationRows = 4;
// From which on files say "encoding_digest" and "rows_digest".
constexpr uint32_t kWithDigests = 5;
constexpr uint32_t kVersion =
    std::max(kWithDigests,
             std::ranges::max(kHyperparameters<float>, {}, &Hyperparameter<float>::since).since);

// Words of an enum, in the order of its numbers.
const std::vector<std::string>& TableKinds() {
  static const std::vector<std::string> words = {"dense", "sparse"};
  return words;
}
const std::vector<std::string>& InitializerKinds() {
  static const std::vector<std::string> words = {"zero", "uniform", "normal", "constant"};
  return words;
}

template <class Enum>
const std::string& WordOf(Enum value, const std::vector<std::string>& words) {
  return words[static_cast<size_t>(value)];
}

Json StalenessToJson(Staleness staleness) {
  if (staleness.infinite()) return "inf";
  return staleness.bound().value();
}

Json OptimizerToJson(const OptimizerSpec& spec) {
  Json json = {{"kind", RuleOf(spec.kind).name}};
  for (const auto& number : kHyperparameters<float>) json[number.name] = spec.*number.member;
  return json;
}

Json TableToJson(const TableSpec& table) {
  return {{"id", table.id.value()},
          {"name", table.name},
          {"kind", WordOf(table.kind, TableKinds())},
          {"dim", table.dim},
          {"size", table.size},
          {"initializer",
           {{"kind", WordOf(table.initializer.kind, InitializerKinds())},
            {"scale", table.initializer.scale}}},
          {"optimizer", OptimizerToJson(table.optimizer)},
          {"staleness", StalenessToJson(table.staleness)}};
}

// Reads the fields of one JSON object; keeps the first error and counts what it read, so that a
// field nobody asked for is found out.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) Fail("", "must be an object");
  }

  // An integer in [low, high].
  template <class T>
  void Integer(const char* name, T low, T high, T* out) {
    const Json* value = Take(name);
    if (value == nullptr) return;
    if (!Holds(*value, low, high)) {
      return Fail(name, absl::StrFormat("must be an integer from %d to %d", low, high));
    }
    *out = value->get<T>();
  }
  void Real(const char* name, float low, float high, float* out) {
    const Json* value = Take(name);
    if (value == nullptr) return;
    const double number = value->is_number() ? value->get<double>() : std::nan("");
    if (!(number >= low && number <= high)) {
      return Fail(name, absl::StrFormat("must be a number from %g to %g", low, high));
    }
    *out = static_cast<float>(number);
  }
  void Truth(const char* name, bool* out) {
    const Json* value = Take(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return Fail(name, "must be true or false");
    *out = value->get<bool>();
  }
  void Text(const char* name, std::string* out) {
    const Json* value = Take(name);
    if (value == nullptr) return;
    if (!value->is_string()) return Fail(name, "must be a string");
    *out = value->get<std::string>();
  }
  template <class Enum>
  void Word(const char* name, const std::vector<std::string>& words, Enum* out) {
    std::string word;
    Text(name, &word);
    if (!status_.ok()) return;
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) return Fail(name, "is not a word this version knows: " + word);
    *out = static_cast<Enum>(found - words.begin());
  }
  void Bound(const char* name, Staleness* out) {
    const Json* value = Take(name);
    if (value == nullptr) return;
    if (*value == "inf") {
      *out = Staleness::Infinite();
    } else if (Holds(*value, int64_t{0}, kMaxClock)) {
      *out = Staleness(value->get<int64_t>());
    } else {
      Fail(name, "must be an integer >= 0, or \"inf\"");
    }
  }
  bool Has(const char* name) const { return object_.contains(name); }
  // The raw value, nullptr after an error.
  const Json* Take(const char* name) {
    if (!status_.ok()) return nullptr;
    const auto found = object_.find(name);
    if (found == object_.end()) {
      Fail(name, "is missing");
      return nullptr;
    }
    ++taken_;
    return &*found;
  }
  void Fail(const std::string& name, const std::string& sentence) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrFormat("job: %s%s %s; undo the edit, or train into a new folder", where_,
                        name.empty() ? "" : "." + name, sentence));
  }
  absl::Status Finish() {
    if (status_.ok() && taken_ != object_.size()) Fail("", "holds a field this version lacks");
    return status_;
  }

 private:
  template <class T>
  static bool Holds(const Json& value, T low, T high) {
    if (!value.is_number_integer()) return false;
    if (value.is_number_unsigned()) {
      const auto number = value.get<uint64_t>();
      return number <= static_cast<uint64_t>(high) &&
             (low <= T{0} || number >= static_cast<uint64_t>(low));
    }
    const auto number = value.get<int64_t>();  // negative
    return std::is_signed_v<T> && number >= static_cast<int64_t>(low);
  }

  const Json& object_;
  std::string where_;
  size_t taken_ = 0;
  absl::Status status_;
};

absl::Status ReadInitializer(const Json& json, const std::string& where, Initializer* out) {
  ObjectReader reader(json, where + ".initializer");
  reader.Word("kind", InitializerKinds(), &out->kind);
  // A constant may be below zero; the others' scale is a width.
  const float least = out->kind == InitializerKind::kConstant ? -1e6F : 0.0F;
  reader.Real("scale", least, 1e6F, &out->scale);
  return reader.Finish();
}

// A hyperparameter that the file lacks is younger than the file, and has its default.
absl::Status ReadOptimizer(const Json& json, const std::string& where, OptimizerSpec* out) {
  ObjectReader reader(json, where + ".optimizer");
  reader.Word("kind", RuleNames(), &out->kind);
  for (const auto& number : kHyperparameters<float>) {
    if (!reader.Has(number.name)) continue;
    reader.Real(number.name, 0.0F, static_cast<float>(number.high), &(out->*number.member));
  }
  return reader.Finish();
}

// Dense tables have a size, sparse ones none; ids count from 0 in order.
absl::Status ReadTable(const Json& json, uint32_t index, TableSpec* out) {
  const std::string where = absl::StrFormat("tables[%d]", index);
  ObjectReader reader(json, where);
  uint32_t id = 0;
  reader.Integer<uint32_t>("id", index, index, &id);
  reader.Text("name", &out->name);
  reader.Word("kind", TableKinds(), &out->kind);
  reader.Integer<uint32_t>("dim", 1, kMaxDim, &out->dim);
  const bool dense = out->kind == TableKind::kDense;
  reader.Integer<uint64_t>("size", dense ? 1 : 0, dense ? kMaxDenseFloats : 0, &out->size);
  const Json* initializer = reader.Take("initializer");
  const Json* optimizer = reader.Take("optimizer");
  reader.Bound("staleness", &out->staleness);
  RETURN_IF_ERROR(reader.Finish());
  out->id = TableId(id);
  RETURN_IF_ERROR(ReadInitializer(*initializer, where, &out->initializer));
  return ReadOptimizer(*optimizer, where, &out->optimizer);
}

absl::Status ReadTables(const Json& json, std::vector<TableSpec>* out) {
  if (!json.is_array() || json.empty() || json.size() > kMaxTables) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "job: tables must be a list of 1 to %d tables; undo the edit, or train into a new folder",
        kMaxTables));
  }
  out->resize(json.size());
  for (uint32_t i = 0; i < out->size(); ++i) RETURN_IF_ERROR(ReadTable(json[i], i, &(*out)[i]));
  return absl::OkStatus();
}

absl::Status CheckVersion(uint32_t version) {
  if (version <= kVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "job: run.version is %d, and this rubato reads job files up to version %d; use the newer "
      "rubato that wrote it, or train into a new folder",
      version, kVersion));
}

absl::StatusOr<Job> ReadJob(const Json& json) {
  Job job;
  int64_t last_clock = 0;
  uint32_t version = kFirstVersion;
  ObjectReader reader(json, "run");
  if (reader.Has("version")) {
    constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
    reader.Integer<uint32_t>("version", kFirstVersion, kMost, &version);
    RETURN_IF_ERROR(CheckVersion(version));  // first: a newer file may lack what is read below
  }
  const Json* tables = reader.Take("tables");
  reader.Integer<uint32_t>("places", 1, kMaxPlaces, &job.places);
  reader.Integer<uint32_t>("seats", 1, kMaxSeats, &job.seats);
  reader.Integer<int64_t>("last_clock", 0, kMaxClock, &last_clock);
  reader.Integer<uint64_t>("seed", 0, std::numeric_limits<uint64_t>::max(), &job.seed);
  reader.Integer<int64_t>("iterations_per_epoch", 1, kMaxClock, &job.iterations_per_epoch);
  bool evaluates = true;
  if (version < kWithoutEvaluate) reader.Truth("evaluate", &evaluates);
  if (!evaluates) reader.Fail("evaluate", "must be true");
  reader.Truth("best_epoch", &job.best_epoch);
  reader.Integer<int64_t>("snapshots_kept", 1, kMaxClock, &job.snapshots_kept);
  reader.Integer<int64_t>("snapshot_every_clocks", 0, kMaxClock, &job.snapshot_every_clocks);
  reader.Integer<uint64_t>("retention_soft_bytes", 1, kMaxRetention, &job.retention_soft_bytes);
  reader.Integer<uint64_t>("retention_hard_bytes", job.retention_soft_bytes, kMaxRetention,
                           &job.retention_hard_bytes);
  if (version >= kWithLease) {
    reader.Integer<int64_t>("lease_ms", 1, kMaxLeaseMs, &job.lease_ms);
    reader.Truth("deterministic", &job.deterministic);
  }
  if (version >= kWithIterationRows) {
    reader.Integer<uint64_t>("iteration_rows", 0, kMaxIterationRows, &job.iteration_rows);
    reader.Integer<uint64_t>("iteration_bytes", 1, kMaxIterationBytes, &job.iteration_bytes);
    reader.Integer<uint64_t>("feature_keys", 0, kMaxIterationBytes, &job.feature_keys);
  }
  if (version >= kWithDigests) {
    constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
    reader.Integer<uint64_t>("encoding_digest", 0, kMost, &job.data.encoding);
    reader.Integer<uint64_t>("rows_digest", 0, kMost, &job.data.rows);
  }
  RETURN_IF_ERROR(reader.Finish());
  job.last_clock = Clock(last_clock);
  RETURN_IF_ERROR(ReadTables(*tables, &job.tables));
  return job;
}

// One canonical encoding of what the model is: every number with its width, little-endian, text
// with its length. (All hosts we build for are little-endian.)
class Encoder {
 public:
  template <class T>
  Encoder& Add(T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Encoder& Add(const std::string& text) {
    Add(static_cast<uint64_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  uint64_t Hash() const { return XXH3_64bits(bytes_.data(), bytes_.size()); }

 private:
  std::string bytes_;
};

// A hyperparameter that came later counts where it is set: a model that was begun without it stays
// the model that it was.
void AddOptimizer(const OptimizerSpec& spec, Encoder* encoder) {
  encoder->Add(spec.kind);
  for (const auto& number : kHyperparameters<float>) {
    const float value = spec.*number.member;
    if (number.since == kFirstVersion) {
      encoder->Add(value);
    } else if (value != Hyperparameters<float>().*number.member) {
      encoder->Add(std::string(number.name)).Add(value);
    }
  }
}

void AddTable(const TableSpec& table, Encoder* encoder) {
  encoder->Add(table.id.value()).Add(table.name).Add(table.kind).Add(table.dim).Add(table.size);
  encoder->Add(table.initializer.kind).Add(table.initializer.scale);
  AddOptimizer(table.optimizer, encoder);
}

}  // namespace

Staleness Job::staleness() const {
  Staleness least = Staleness::Infinite();
  for (const TableSpec& table : tables) least = std::min(least, table.staleness);
  return least;
}

// The staleness is left out: a resume may change it, and the weights mean the same.
uint64_t Job::Fingerprint() const {
  Encoder encoder;
  encoder.Add(seed).Add(static_cast<uint64_t>(tables.size()));
  for (const TableSpec& table : tables) AddTable(table, &encoder);
  return encoder.Hash();
}

std::string FormatJob(const Job& job) {
  Json tables = Json::array();
  for (const TableSpec& table : job.tables) tables.push_back(TableToJson(table));
  const Json json = {{"version", kVersion},
                     {"tables", tables},
                     {"places", job.places},
                     {"seats", job.seats},
                     {"last_clock", job.last_clock.value()},
                     {"seed", job.seed},
                     {"iterations_per_epoch", job.iterations_per_epoch},
                     {"best_epoch", job.best_epoch},
                     {"snapshots_kept", job.snapshots_kept},
                     {"snapshot_every_clocks", job.snapshot_every_clocks},
                     {"retention_soft_bytes", job.retention_soft_bytes},
                     {"retention_hard_bytes", job.retention_hard_bytes},
                     {"lease_ms", job.lease_ms},
                     {"deterministic", job.deterministic},
                     {"iteration_rows", job.iteration_rows},
                     {"iteration_bytes", job.iteration_bytes},
                     {"feature_keys", job.feature_keys},
                     {"encoding_digest", job.data.encoding},
                     {"rows_digest", job.data.rows}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Job> ParseJob(const std::string& json) {
  try {
    return ReadJob(Json::parse(json));
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("job: not JSON; undo the edit, or train into a new folder: ", error.what()));
  }
}

absl::StatusOr<Job> LoadJob(const std::string& run_folder) {
  const std::string path = run_folder + "/job.json";
  const absl::StatusOr<std::string> text = ReadChecksummedText(path);
  if (absl::IsNotFound(text.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot be read; `rubato-data prepare RUN --out ", run_folder, "` writes it"));
  }
  RETURN_IF_ERROR(text.status());
  absl::StatusOr<Job> job = ParseJob(*text);
  if (!job.ok()) return Annotate(job.status(), path);
  return job;
}

}  // namespace rubato
