// The door of toml++: text to RunConfig. toml++ throws, and nothing of it leaves this file.
#include "worker/run_file/run_file.h"

#include <toml++/toml.h>

#include <cmath>
#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "common/base/utf8.h"
#include "worker/run_file/bad_key.h"
#include "worker/run_file/nearest_key.h"
#include "worker/run_file/run_config_check.h"
#include "worker/run_file/run_config_defaults.h"
#include "worker/run_file/run_config_fields.h"
#include "worker/run_file/run_file_text.h"

namespace rubato {
namespace {

absl::StatusOr<toml::table> ParseToml(const std::string& text, const std::string& name) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return BadKey(
        absl::StrFormat("%s:%d:%d", name, at.line, at.column),
        absl::StrCat(std::string(error.description()),
                     "; correct this line of TOML, or write a run file with `rubato init`"));
  }
}

// The parsed run file with overrides put in, and where each value came from.
class RunFileTree {
 public:
  RunFileTree(std::string file, toml::table root)
      : file_(std::move(file)), root_(std::move(root)) {}

  absl::Status Override(const Override& override);
  absl::Status CheckKeysKnown() const;
  // "--set KEY", "FILE:LINE" of the key, or of its section when the key is absent.
  std::string Where(const std::string& key) const;
  const toml::node* Find(const std::string& key) const;
  // The text after --set key=, nullptr when the run file's own value stands.
  const std::string* OverrideText(const std::string& key) const {
    const auto found = overrides_.find(key);
    return found == overrides_.end() ? nullptr : &found->second;
  }
  const std::string& file() const { return file_; }

 private:
  // Of the keys in `section`, whose names in full begin with `prefix`.
  absl::Status CheckKeysKnown(const toml::table& section, const std::string& prefix,
                              const KeyCollector& known) const;
  absl::Status Unknown(const std::string& key, const std::vector<std::string>& known) const;

  std::string file_;
  toml::table root_;
  std::map<std::string, std::string> overrides_;
};

const toml::node* RunFileTree::Find(const std::string& key) const {
  const toml::node* node = &root_;
  for (const absl::string_view name : absl::StrSplit(key, '.')) {
    const toml::table* section = node == nullptr ? nullptr : node->as_table();
    node = section == nullptr ? nullptr : section->get(std::string(name));
  }
  return node;
}

std::string RunFileTree::Where(const std::string& key) const {
  if (OverrideText(key) != nullptr) return absl::StrCat("--set ", key);
  const toml::node* node = Find(key);
  for (std::string section = key; node == nullptr && absl::StrContains(section, '.');) {
    section.resize(section.rfind('.'));
    node = Find(section);
  }
  // A section that only overrides made has no line.
  const auto line = node == nullptr ? 0 : node->source().begin.line;
  return absl::StrFormat("%s:%d", file_, std::max<toml::source_index>(line, 1));
}

// TOML first; what is no TOML and has no quotes or brackets is a bare word.
absl::StatusOr<toml::table> ParseOverrideValue(const Override& override) {
  const std::string where = absl::StrCat("--set ", override.key);
  auto parsed = ParseToml(absl::StrCat("value = ", override.value), where);
  if (parsed.ok() && parsed->size() == 1) return parsed;
  if (override.value.find_first_of("\"'[{\n\r") != std::string::npos) {
    return BadKey(where, absl::StrFormat("'%s' is neither a TOML value nor a bare word; quote it "
                                         "as in --set '%s=\"text\"'",
                                         override.value, override.key));
  }
  if (!IsUtf8(override.value)) return parsed;  // it says so
  return ParseToml(absl::StrCat("value = ", QuotedText(override.value)), where);
}

absl::Status RunFileTree::Override(const struct Override& override) {
  ASSIGN_OR_RETURN(toml::table parsed, ParseOverrideValue(override));
  overrides_[override.key] = override.value;
  std::vector<std::string> names = absl::StrSplit(override.key, '.');
  const std::string leaf = std::move(names.back());
  names.pop_back();
  toml::table* section = &root_;
  for (const std::string& name : names) {
    section = section->insert(name, toml::table{}).first->second.as_table();
    if (section == nullptr) return absl::OkStatus();  // a value stands there: CheckKeysKnown's
  }
  section->insert_or_assign(leaf, std::move(*parsed.get("value")));
  return absl::OkStatus();
}

absl::Status RunFileTree::Unknown(const std::string& key,
                                  const std::vector<std::string>& known) const {
  const std::string nearest = NearestKey(key, known);
  const std::string hint = nearest.empty() ? absl::StrCat("known are: ", absl::StrJoin(known, ", "))
                                           : absl::StrFormat("did you mean '%s'?", nearest);
  return BadKey(Where(key), absl::StrFormat("unknown key '%s'; %s", key, hint));
}

absl::Status RunFileTree::CheckKeysKnown() const {
  RunConfig config;
  KeyCollector collector;
  VisitFields(config, collector);
  // First, as they make sections of their own.
  for (const auto& [key, text] : overrides_) {
    if (absl::c_linear_search(collector.keys(), key)) continue;
    if (!absl::c_linear_search(collector.sections(), key)) return Unknown(key, collector.keys());
    return BadKey(Where(key), absl::StrFormat("'%s' is a section; set a key of it, as in --set "
                                              "train.staleness=8",
                                              key));
  }
  return CheckKeysKnown(root_, "", collector);
}

absl::Status RunFileTree::CheckKeysKnown(const toml::table& section, const std::string& prefix,
                                         const KeyCollector& known) const {
  for (const auto& [name, node] : section) {
    const std::string key = prefix + std::string(name.str());
    if (Find(key) != &node) {
      return BadKey(Where(key),
                    absl::StrFormat("'%s' is one name with a dot in it; take its quotes off, or "
                                    "write [section] and the key below it",
                                    key));
    }
    if (absl::c_linear_search(known.keys(), key)) continue;
    if (!absl::c_linear_search(known.sections(), key)) {
      return Unknown(key, node.is_table() ? known.sections() : known.keys());
    }
    if (!node.is_table()) {
      return BadKey(
          Where(key),
          absl::StrFormat("'%s' is a section; write [%s] and its keys below it", key, key));
    }
    RETURN_IF_ERROR(CheckKeysKnown(*node.as_table(), absl::StrCat(key, "."), known));
  }
  return absl::OkStatus();
}

// Fills a RunConfig from the tree; keeps the first error.
class FieldReader {
 public:
  FieldReader(const RunFileTree& tree, const Environment& environment)
      : tree_(tree), environment_(environment) {}

  template <class Struct>
  void Section(const char* name, Struct& fields) {
    VisitSection(name, fields, &prefix_, *this);
  }
  template <class T, class Rule>
  void Field(const char* name, T& value, const Rule& rule) {
    if (!status_.ok()) return;
    key_ = prefix_ + name;
    const toml::node* node = tree_.Find(key_);
    if (node != nullptr) Read(*node, rule, value);
  }
  const absl::Status& status() const { return status_; }

 private:
  void Fail(const std::string& sentence) {
    status_ = BadKey(tree_.Where(key_), absl::StrCat(key_, " ", sentence));
  }
  bool ReadText(const toml::node& node, std::string& value);
  void ReadTexts(const toml::node& node, const char* what, std::vector<std::string>& values);

  void Read(const toml::node& node, const IntegerRange& range, int64_t& value);
  void Read(const toml::node& node, const IntegerRange& range, std::vector<int64_t>& values);
  void Read(const toml::node& node, const RealRange& range, double& value);
  void Read(const toml::node& node, Levels, std::vector<double>& values);
  void Read(const toml::node& node, const OneOf& choice, std::string& value);
  void Read(const toml::node& node, AnyText, std::string& value) { ReadText(node, value); }
  void Read(const toml::node& node, FilePath, std::string& value);
  void Read(const toml::node& node, AnyColumns, std::vector<std::string>& values) {
    ReadTexts(node, "column names, as in [\"ID\", \"date\"]", values);
  }
  void Read(const toml::node& node, Options, std::vector<std::string>& values) {
    ReadTexts(node, "options, as in [\"--partition=main\", \"--time=2:00:00\"]", values);
  }
  void Read(const toml::node& node, MissingSpellings, std::vector<std::string>& values) {
    ReadTexts(node, "texts, as in [\"-999\", \"income=99999999\"]", values);
  }
  void Read(const toml::node& node, AnyLabels, std::vector<std::string>& values);
  void Read(const toml::node& node, YesNo, bool& value);
  void Read(const toml::node& node, AutoYesNo, HeaderLine& value);
  void Read(const toml::node& node, StalenessBound, Staleness& value);

  const RunFileTree& tree_;
  const Environment& environment_;
  std::string prefix_;
  std::string key_;
  absl::Status status_;
};

bool FieldReader::ReadText(const toml::node& node, std::string& value) {
  if (const auto* text = node.as_string()) {
    value = text->get();
    return true;
  }
  // --set data.label=2 means the text "2".
  if (const std::string* text = tree_.OverrideText(key_); text != nullptr && node.is_value()) {
    value = *text;
    return true;
  }
  Fail("must be a string, in quotes");
  return false;
}

void FieldReader::Read(const toml::node& node, const IntegerRange& range, int64_t& value) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < range.low || number->get() > range.high) {
    const std::string is = number == nullptr ? "" : absl::StrFormat("is %d; it ", number->get());
    return Fail(absl::StrFormat("%smust be an integer from %d to %d", is, range.low, range.high));
  }
  value = number->get();
}

void FieldReader::Read(const toml::node& node, const IntegerRange& range,
                       std::vector<int64_t>& values) {
  const auto* array = node.as_array();
  std::vector<int64_t> numbers;
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const auto* number = array->get(i)->as_integer();
    if (number == nullptr || number->get() < range.low || number->get() > range.high) break;
    numbers.push_back(number->get());
  }
  if (array == nullptr || numbers.size() != array->size()) {
    return Fail(absl::StrFormat("must be a list of integers from %d to %d, as in [64, 32]",
                                range.low, range.high));
  }
  values = std::move(numbers);
}

void FieldReader::Read(const toml::node& node, const RealRange& range, double& value) {
  // An integer is a number as well; anything else becomes NaN, which no range holds.
  const double number = node.is_number() ? *node.value<double>() : std::nan("");
  if (number >= range.low && number <= range.high) {
    value = number;
    return;
  }
  const std::string is = node.is_number() ? absl::StrFormat("is %g; it ", number) : "";
  Fail(absl::StrFormat("%smust be a number from %g to %g", is, range.low, range.high));
}

void FieldReader::Read(const toml::node& node, Levels, std::vector<double>& values) {
  const auto* array = node.as_array();
  std::vector<double> levels;
  double below = 0.0;
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const double level = array->get(i)->value<double>().value_or(std::nan(""));
    if (!(level > below && level < 1.0)) break;
    levels.push_back(below = level);
  }
  if (array == nullptr || levels.size() != array->size() || levels.size() > kMaxQuantiles) {
    return Fail(
        absl::StrFormat("must be a list of at most %d rising numbers above 0 and below 1, "
                        "as in [0.01, 0.05]",
                        kMaxQuantiles));
  }
  values = std::move(levels);
}

void FieldReader::Read(const toml::node& node, const OneOf& choice, std::string& value) {
  std::string word;
  if (!ReadText(node, word)) return;
  if (std::find(choice.words.begin(), choice.words.end(), word) == choice.words.end()) {
    return Fail(absl::StrFormat("is unknown: \"%s\"; it must be one of \"%s\"", word,
                                absl::StrJoin(choice.words, "\", \"")));
  }
  value = word;
}

void FieldReader::Read(const toml::node& node, FilePath, std::string& value) {
  std::string text;
  if (!ReadText(node, text)) return;
  auto path = ResolvePath(text, tree_.file(), environment_);
  if (!path.ok()) return Fail(std::string(path.status().message()));
  // Environment values are bytes of any kind; the resolved copy must be readable TOML.
  if (!IsUtf8(*path)) {
    return Fail("is not valid UTF-8 once expanded; rename that folder");
  }
  value = *std::move(path);
}

// The texts of a list; nullopt for what is none.
std::optional<std::vector<std::string>> TextsOf(const toml::node& node) {
  const auto* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const toml::node& item : *array) {
    const auto* text = item.as_string();
    if (text == nullptr) return std::nullopt;
    texts.push_back(text->get());
  }
  return texts;
}

void FieldReader::ReadTexts(const toml::node& node, const char* what,
                            std::vector<std::string>& values) {
  auto texts = TextsOf(node);
  if (!texts) return Fail(absl::StrCat("must be a list of ", what));
  values = *std::move(texts);
}

void FieldReader::Read(const toml::node& node, AnyLabels, std::vector<std::string>& values) {
  if (auto texts = TextsOf(node)) {
    values = *std::move(texts);
    return;
  }
  const auto* text = node.as_string();
  // --set data.positive=2 means the text "2".
  const std::string* typed = node.is_value() ? tree_.OverrideText(key_) : nullptr;
  if (text == nullptr && typed == nullptr) {
    return Fail("must be a text in quotes, or a list of them, as in [\"late\", \"lost\"]");
  }
  values = {text != nullptr ? text->get() : *typed};
}

void FieldReader::Read(const toml::node& node, YesNo, bool& value) {
  const auto* truth = node.as_boolean();
  if (truth == nullptr) return Fail("must be true or false");
  value = truth->get();
}

void FieldReader::Read(const toml::node& node, AutoYesNo, HeaderLine& value) {
  const auto* truth = node.as_boolean();
  const auto* word = node.as_string();
  if (truth != nullptr) {
    value = truth->get() ? HeaderLine::kYes : HeaderLine::kNo;
  } else if (word != nullptr && word->get() == "auto") {
    value = HeaderLine::kAuto;
  } else {
    Fail("must be true or false, or \"auto\"");
  }
}

void FieldReader::Read(const toml::node& node, StalenessBound, Staleness& value) {
  const auto* number = node.as_integer();
  const auto* word = node.as_string();
  const auto* real = node.as_floating_point();
  if ((word != nullptr && word->get() == "inf") || (real != nullptr && real->get() > 1e300)) {
    value = Staleness::Infinite();
  } else if (number != nullptr && number->get() >= 0 && number->get() <= kMaxStaleness) {
    value = Staleness(number->get());
  } else {
    Fail(absl::StrFormat("must be an integer from 0 to %d, or \"inf\"", kMaxStaleness));
  }
}

}  // namespace

absl::StatusOr<RunConfig> ParseRunConfig(const std::string& text, const std::string& path,
                                         const std::vector<Override>& overrides,
                                         const Environment& environment) {
  ASSIGN_OR_RETURN(toml::table root, ParseToml(text, path));
  RunFileTree tree(path, std::move(root));
  for (const Override& override : overrides) RETURN_IF_ERROR(tree.Override(override));
  RETURN_IF_ERROR(tree.CheckKeysKnown());
  RunConfig config;
  FieldReader reader(tree, environment);
  VisitFields(config, reader);
  RETURN_IF_ERROR(reader.status());
  FillDefaults([&tree](const std::string& key) { return tree.Find(key) != nullptr; }, &config);
  RETURN_IF_ERROR(
      CheckRunConfig(config, [&tree](const std::string& key) { return tree.Where(key); }));
  return config;
}

absl::StatusOr<RunConfig> LoadRunConfig(const std::string& path,
                                        const std::vector<Override>& overrides,
                                        const Environment& environment) {
  ASSIGN_OR_RETURN(const std::string text, ReadRunFile(path));
  return ParseRunConfig(text, path, overrides, environment);
}

}  // namespace rubato
