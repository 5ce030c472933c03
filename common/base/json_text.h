// C++ values as JSON text. A struct is an object if it says its fields: Fields(field) calls
// field(name, value) for each in turn, as the events of common/telemetry/events.h do. A field that
// is a std::optional without a value is left out.
//
// Names are ours and need no escape. Numbers that are not finite become null, text that is not
// UTF-8 is repaired. Ids and clocks are their numbers, a Duration is in seconds to the microsecond,
// a map from names is an object, any other range an array, and so is a pair.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/base/env.h"

namespace rubato {

// A struct that is a JSON object.
template <class T>
concept NamesItsFields = requires(const T& record) {
  record.Fields([](const char*, const auto&) {});
};

// An id or a clock of common/base/ids.h.
template <class T>
concept IsStrongNumber = requires(const T& id) {
  { id.value() } -> std::integral;
};

// A pair as std::map has them.
template <class T>
concept IsPair = requires(const T& pair) {
  pair.first;
  pair.second;
};

// A map whose keys are text.
template <class T>
concept IsNamedValues = std::convertible_to<typename T::key_type, absl::string_view> && requires {
  typename T::mapped_type;
};

// As a string of JSON, which TOML reads as well; quotes included.
std::string QuotedText(absl::string_view text);
// The shortest digits that read back as the same double.
std::string ShortestDigits(double value);
std::string MicrosecondDigits(Duration time);

template <NamesItsFields T>
std::string FieldsText(const T& record);

template <IsNamedValues T>
std::string FieldsText(const T& values);

// `value` as JSON.
template <class T>
std::string JsonText(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::integral<T>) {
    return absl::StrCat(value);
  } else if constexpr (std::floating_point<T>) {
    return ShortestDigits(value);
  } else if constexpr (std::same_as<T, Duration>) {
    return MicrosecondDigits(value);
  } else if constexpr (std::convertible_to<T, absl::string_view>) {
    return QuotedText(value);
  } else if constexpr (IsStrongNumber<T>) {
    return absl::StrCat(value.value());
  } else if constexpr (NamesItsFields<T> || IsNamedValues<T>) {
    return absl::StrCat("{", FieldsText(value), "}");
  } else if constexpr (IsPair<T>) {
    return absl::StrCat("[", JsonText(value.first), ",", JsonText(value.second), "]");
  } else {
    const auto append = [](std::string* out, const auto& one) { out->append(JsonText(one)); };
    return absl::StrCat("[", absl::StrJoin(value, ",", append), "]");
  }
}

template <class T>
void AppendField(absl::string_view name, const T& value, std::string* fields) {
  absl::StrAppend(fields, fields->empty() ? "\"" : ",\"", name, "\":", JsonText(value));
}

template <class T>
void AppendField(absl::string_view name, const std::optional<T>& value, std::string* fields) {
  if (value) AppendField(name, *value, fields);
}

// "name":value,... without braces.
template <NamesItsFields T>
std::string FieldsText(const T& record) {
  std::string fields;
  record.Fields(
      [&fields](const char* name, const auto& value) { AppendField(name, value, &fields); });
  return fields;
}

// The same of a map.
template <IsNamedValues T>
std::string FieldsText(const T& values) {
  std::string fields;
  for (const auto& [name, value] : values) AppendField(name, value, &fields);
  return fields;
}

}  // namespace rubato
