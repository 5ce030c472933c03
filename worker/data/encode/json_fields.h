// Fields of the JSON files of prepared data, written and read back. Texts that are not UTF-8
// (Latin-1 files are common) are written as {"latin1": "..."} with each byte as the code point of
// its value, so that no level changes. Reading checks everything: InvalidArgument names the field
// that is missing or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace rubato {

using Json = nlohmann::ordered_json;
inline constexpr int kJsonIndent = 1;

Json TextToJson(const std::string& text);
Json TextsToJson(const std::vector<std::string>& texts);
// What is not UTF-8 is read as Latin-1: for those who only show it.
std::string AsUtf8(const std::string& text);

// Field `name` is not what it should be: "a number".
absl::Status WrongField(const std::string& name, const char* wanted);
// Null: `object` is none, or lacks it.
const Json* FindField(const Json& object, const std::string& name);
// Of a value that FindField gave.
absl::StatusOr<std::string> TextFromJson(const Json* json, const std::string& name);
// Of a field.
absl::StatusOr<double> NumberFromJson(const Json& object, const std::string& name);
absl::StatusOr<uint64_t> WholeFromJson(const Json& object, const std::string& name);
absl::StatusOr<bool> BoolFromJson(const Json& object, const std::string& name);
absl::StatusOr<const Json*> ArrayFromJson(const Json& object, const std::string& name);
absl::StatusOr<std::vector<std::string>> TextsFromJson(const Json& object, const std::string& name);
absl::StatusOr<std::vector<uint64_t>> WholesFromJson(const Json& object, const std::string& name);
absl::StatusOr<std::vector<double>> NumbersFromJson(const Json& object, const std::string& name);

}  // namespace rubato
