#include "tests/sim/config.h"

#include <type_traits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/sim/config_fields.h"

namespace rubato::sim {
namespace {

template <class Field>
std::string TextOf(const Field& field) {
  if constexpr (std::is_same_v<Field, Staleness>) {
    return field.infinite() ? "inf" : absl::StrCat(field.bound().value());
  } else if constexpr (std::is_same_v<Field, std::set<std::string>>) {
    return absl::StrJoin(field, "+");
  } else {
    return absl::StrCat(field);
  }
}

bool Take(const std::string& text, Staleness* field) {
  int64_t bound = 0;
  if (text != "inf" && (!absl::SimpleAtoi(text, &bound) || bound < 0)) return false;
  *field = text == "inf" ? Staleness::Infinite() : Staleness(bound);
  return true;
}

bool Take(const std::string& text, std::set<std::string>* field) {
  *field = absl::StrSplit(text, '+', absl::SkipEmpty());
  return true;
}

bool Take(const std::string& text, bool* field) {
  *field = text == "1";
  return text == "0" || text == "1";
}

bool Take(const std::string& text, double* field) { return absl::SimpleAtod(text, field); }

template <class Number>
requires std::is_integral_v<Number>
bool Take(const std::string& text, Number* field) { return absl::SimpleAtoi(text, field); }

}  // namespace

std::string Config::Describe() const {
  Config simple;
  std::set<std::pair<std::string, std::string>> as_simple;
  VisitFields(simple,
              [&](const char* name, auto& field) { as_simple.emplace(name, TextOf(field)); });
  std::vector<std::string> words;
  Config copy = *this;
  VisitFields(copy, [&](const char* name, auto& field) {
    const std::string text = TextOf(field);
    if (!as_simple.contains({name, text})) words.push_back(absl::StrCat(name, "=", text));
  });
  return absl::StrJoin(words, " ");
}

std::optional<Config> ParseConfig(const std::string& text, std::string* wrong) {
  Config config;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::vector<std::string> pair = absl::StrSplit(word, absl::MaxSplits('=', 1));
    if (pair.size() == 2 && Set(pair[0], pair[1], &config)) continue;
    *wrong = std::string(word);
    return std::nullopt;
  }
  return config;
}

bool Set(const std::string& field, const std::string& value, Config* config) {
  bool done = false;
  VisitFields(*config, [&](const char* name, auto& of) {
    if (field == name) done = Take(value, &of);
  });
  return done;
}

std::vector<std::string> FieldNames() {
  std::vector<std::string> names;
  Config config;
  VisitFields(config, [&](const char* name, auto&) { names.emplace_back(name); });
  return names;
}

void Copy(const std::string& field, const Config& other, Config* config) {
  Config from = other;
  std::string value;
  VisitFields(from, [&](const char* name, auto& of) {
    if (field == name) value = TextOf(of);
  });
  Set(field, value, config);
}

const std::vector<FaultKind>& FaultKinds() {
  static const std::vector<FaultKind> kinds = {
      {"nan_share", "0.1", "0.02"},
      {"broken_seats", "2", "1"},
      {"loss", "0.4", "0.05"},
      {"duplicate", "0.5", "0.1"},
      {"long_delay", "0.2", "0.02"},
      {"forged", "0.3", "0.1"},
      {"worker_crashes", "6", "1"},
      {"worker_freezes", "6", "1"},
      {"churn", "30", "2"},
      {"shard_crashes", "6", "1"},
      {"shard_zombies", "4", "1"},
      {"scheduler_crashes", "6", "1"},
      {"half_open_links", "5", "1"},
      {"partitions", "12", "1"},
      {"operator_resumes", "3", "0"},
      {"late_workers", "1", "1"},
      {"sleeps", "3", "0"},
      {"pauses", "8", "1"},
      {"clock_jumps", "10", "1"},
      {"clock_skew", "0.5", "0.2"},
      {"slow_evaluation", "1", "0"},
      {"write_failure", "0.5", "0.1"},
      {"state_write_failure", "0.5", "0.1"},
      {"state_write_ms", "20", "3"},
      {"full_disks", "6", "1"},
      {"slow_spells", "6", "1"},
      {"slow_disks", "1", "0"},
  };
  return kinds;
}

Config WithoutFaults(Config c) {
  Config calm;
  VisitFaults(calm, [&](const char* name, auto&) { Copy(name, Config(), &c); });
  c.goes_on = false;
  return c;
}

}  // namespace rubato::sim
