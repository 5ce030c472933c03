#include "worker/data/encode/json_fields.h"

#include <cmath>

#include "common/base/status.h"
#include "common/base/utf8.h"

namespace rubato {

namespace {

// Each byte as the code point of its value, in UTF-8.
std::string Widen(const std::string& text) {
  std::string widened;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) widened.push_back(static_cast<char>(0xc0 | (byte >> 6)));
    widened.push_back(byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3f)) : c);
  }
  return widened;
}

}  // namespace

Json TextToJson(const std::string& text) {
  if (IsUtf8(text)) return text;
  return {{"latin1", Widen(text)}};
}

Json TextsToJson(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(TextToJson(text));
  return list;
}

std::string AsUtf8(const std::string& text) { return IsUtf8(text) ? text : Widen(text); }

absl::Status WrongField(const std::string& name, const char* wanted) {
  return absl::InvalidArgumentError(
      absl::StrFormat("field '%s' is missing or is not %s", name, wanted));
}

const Json* FindField(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

absl::StatusOr<std::string> TextFromJson(const Json* json, const std::string& name) {
  if (json != nullptr && json->is_string()) return json->get<std::string>();
  const Json* latin1 = json == nullptr ? nullptr : FindField(*json, "latin1");
  if (latin1 == nullptr || !latin1->is_string()) return WrongField(name, "a text");
  const auto& widened = latin1->get_ref<const std::string&>();
  std::string text;
  for (size_t i = 0; i < widened.size(); ++i) {
    const auto lead = static_cast<unsigned char>(widened[i]);
    if (lead < 0x80) {
      text.push_back(widened[i]);
      continue;
    }
    if (lead > 0xc3 || ++i == widened.size()) return WrongField(name, "a Latin-1 text");
    text.push_back(
        static_cast<char>((lead << 6) | (static_cast<unsigned char>(widened[i]) & 0x3f)));
  }
  return text;
}

absl::StatusOr<double> NumberFromJson(const Json& object, const std::string& name) {
  const Json* json = FindField(object, name);
  if (json == nullptr || !json->is_number()) return WrongField(name, "a number");
  const auto value = json->get<double>();
  if (!std::isfinite(value)) return WrongField(name, "a finite number");
  return value;
}

absl::StatusOr<uint64_t> WholeFromJson(const Json& object, const std::string& name) {
  const Json* json = FindField(object, name);
  if (json == nullptr || !json->is_number_unsigned()) return WrongField(name, "a whole number");
  return json->get<uint64_t>();
}

absl::StatusOr<bool> BoolFromJson(const Json& object, const std::string& name) {
  const Json* json = FindField(object, name);
  if (json == nullptr || !json->is_boolean()) return WrongField(name, "true or false");
  return json->get<bool>();
}

absl::StatusOr<const Json*> ArrayFromJson(const Json& object, const std::string& name) {
  const Json* json = FindField(object, name);
  if (json == nullptr || !json->is_array()) return WrongField(name, "a list");
  return json;
}

absl::StatusOr<std::vector<std::string>> TextsFromJson(const Json& object,
                                                       const std::string& name) {
  ASSIGN_OR_RETURN(const Json* list, ArrayFromJson(object, name));
  std::vector<std::string> texts;
  for (const Json& text : *list) {
    ASSIGN_OR_RETURN(texts.emplace_back(), TextFromJson(&text, absl::StrCat(name, "[]")));
  }
  return texts;
}

absl::StatusOr<std::vector<uint64_t>> WholesFromJson(const Json& object, const std::string& name) {
  ASSIGN_OR_RETURN(const Json* list, ArrayFromJson(object, name));
  std::vector<uint64_t> wholes;
  for (const Json& whole : *list) {
    if (!whole.is_number_unsigned()) return WrongField(name, "a list of whole numbers");
    wholes.push_back(whole.get<uint64_t>());
  }
  return wholes;
}

absl::StatusOr<std::vector<double>> NumbersFromJson(const Json& object, const std::string& name) {
  ASSIGN_OR_RETURN(const Json* list, ArrayFromJson(object, name));
  std::vector<double> numbers;
  for (const Json& number : *list) {
    if (!number.is_number()) return WrongField(name, "a list of numbers");
    numbers.push_back(number.get<double>());
  }
  return numbers;
}

}  // namespace rubato
