// The JSON files of prepared data that others read: cleansing.json, target.json, and what inspect
// prints.
#pragma once

#include <string>

#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/inspect.h"
#include "worker/spec/target.h"

namespace rubato {

std::string FormatDataReport(const DataReport& report);
// target.json: what the target's predictions are called and judged by (worker/spec/metric.h).
std::string FormatTarget(const Target& target, const std::vector<std::string>& classes);
std::string FormatInspection(const Inspection& inspection);

}  // namespace rubato
