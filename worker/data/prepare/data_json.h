// The JSON files of prepared data, and the door of JSON in this folder.
//
// encoding.json is read back by predict. It is sealed (common/base/sealed_text.h), and parsing
// checks every field all the same. Texts that are not UTF-8 (Latin-1 files are common) are written
// as {"latin1": "..."} with each byte as the code point of its value, so that no level changes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/inspect.h"

namespace rubato {

std::string FormatEncoding(const Encoding& encoding);
// InvalidArgument names the field that is missing or wrong.
absl::StatusOr<Encoding> ParseEncoding(const std::string& json);
// DIR/data/encoding.json of a run folder; errors name the file.
absl::StatusOr<Encoding> LoadEncoding(const std::string& run_folder);
std::string FormatDataReport(const DataReport& report);
// What is not UTF-8 is read as Latin-1: for those who only show it.
std::string AsUtf8(const std::string& text);
std::string FormatInspection(const Inspection& inspection);

}  // namespace rubato
