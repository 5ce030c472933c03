#include "worker/run_file/run_config_format.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "worker/run_file/run_config_fields.h"

namespace rubato {
namespace {

// Values, in the notation that JSON and TOML share.
std::string FormatValue(bool value) { return value ? "true" : "false"; }
std::string FormatValue(int64_t value) { return absl::StrCat(value); }
std::string FormatValue(const std::string& value) { return QuotedText(value); }

// The shortest digits that read back as the same double; always with a point or an exponent.
std::string FormatValue(double value) {
  std::string text = ShortestDigits(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string FormatValue(HeaderLine value) {
  return value == HeaderLine::kAuto ? QuotedText("auto") : FormatValue(value == HeaderLine::kYes);
}

std::string FormatValue(const Staleness& value) {
  return value.infinite() ? QuotedText("inf") : FormatValue(value.bound().value());
}

template <class T>
std::string FormatValue(const std::vector<T>& values) {
  const auto append = [](std::string* out, const T& value) {
    absl::StrAppend(out, FormatValue(value));
  };
  return absl::StrCat("[", absl::StrJoin(values, ", ", append), "]");
}

class JsonWriter {
 public:
  template <class Struct>
  void Section(const char* name, Struct& fields) {
    JsonWriter inner(indent_ + "  ");
    VisitFields(fields, inner);
    Add(name, inner.Text());
  }
  template <class T, class Rule>
  void Field(const char* name, const T& value, const Rule&) {
    Add(name, FormatValue(value));
  }
  std::string Text() const { return absl::StrCat("{\n", lines_, "\n", indent_, "}"); }

  JsonWriter() = default;
  explicit JsonWriter(std::string indent) : indent_(std::move(indent)) {}

 private:
  void Add(const std::string& name, const std::string& value) {
    absl::StrAppend(&lines_, lines_.empty() ? "" : ",\n", indent_, "  ", QuotedText(name), ": ",
                    value);
  }
  std::string indent_;
  std::string lines_;
};

class TomlWriter {
 public:
  template <class Struct>
  void Section(const char* name, Struct& fields) {
    absl::StrAppend(&text_, "\n[", prefix_, name, "]\n");
    VisitSection(name, fields, &prefix_, *this);
  }
  template <class T, class Rule>
  void Field(const char* name, const T& value, const Rule&) {
    absl::StrAppend(&text_, name, " = ", FormatValue(value), "\n");
  }
  const std::string& text() const { return text_; }

 private:
  std::string prefix_;
  std::string text_;
};

// Full key and value of every field, in the order of declaration.
class Flattener {
 public:
  template <class Struct>
  void Section(const char* name, Struct& fields) {
    VisitSection(name, fields, &prefix_, *this);
  }
  template <class T, class Rule>
  void Field(const char* name, const T& value, const Rule&) {
    fields_.emplace_back(prefix_ + name, FormatValue(value));
  }
  static std::vector<std::pair<std::string, std::string>> Flatten(RunConfig config) {
    Flattener flattener;
    VisitFields(config, flattener);
    return std::move(flattener.fields_);
  }

 private:
  std::string prefix_;
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Rows move to other shards by their keys, and an iteration trains the same rows however many
// workers share it.
bool MayChangeOnResume(const std::string& key) {
  return key == "train.epochs" || key == "train.staleness" || key == "device" ||
         key == "train.precision" || key == "train.strikes" ||
         absl::StartsWith(key, "train.rollback_") || absl::StartsWith(key, "snapshot.") ||
         absl::StartsWith(key, "fleet.") || absl::StartsWith(key, "launch.") ||
         key == "data.shared";
}

}  // namespace

absl::Status CheckResumable(const RunConfig& before, const RunConfig& now) {
  if ((before.fleet.servers == 0) != (now.fleet.servers == 0)) {
    return absl::InvalidArgumentError(
        "cannot resume: fleet.servers changed from or to 0, and without servers nothing is "
        "committed; undo that or start a new run");
  }
  if (before.train.deterministic && before.fleet.workers != now.fleet.workers) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "cannot resume: fleet.workers changed (%d, now %d), and the bits that "
        "train.deterministic = true promises depend on it; undo that or start a new run",
        before.fleet.workers, now.fleet.workers));
  }
  const auto old_fields = Flattener::Flatten(before);
  const auto new_fields = Flattener::Flatten(now);
  std::vector<std::string> changed;
  for (size_t i = 0; i < old_fields.size(); ++i) {
    const auto& [key, value] = old_fields[i];
    if (value == new_fields[i].second || MayChangeOnResume(key)) continue;
    changed.push_back(absl::StrFormat("%s (%s, now %s)", key, value, new_fields[i].second));
  }
  if (changed.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "cannot resume: changed since the run began: %s; only train.epochs, train.staleness, device, "
      "train.precision, train.strikes, train.rollback_*, snapshot.*, data.shared, fleet.* and "
      "launch.* may change, so undo that or start a new run",
      absl::StrJoin(changed, ", ")));
}

std::string FormatRunConfigJson(const RunConfig& config) {
  RunConfig copy = config;
  JsonWriter writer;
  VisitFields(copy, writer);
  return writer.Text() + "\n";
}

std::string FormatRunConfigToml(const RunConfig& config) {
  RunConfig copy = config;
  TomlWriter writer;
  VisitFields(copy, writer);
  return writer.text();
}

}  // namespace rubato
