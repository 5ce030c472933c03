// An id whose values repeat: several rows of one customer, some of which would train and others
// test, so that the model is tested on whom it knows.
#pragma once

#include <optional>
#include <vector>

#include "worker/data/column_plan.h"
#include "worker/data/scan.h"

namespace rubato {

// A warning that offers split.group, for a column that is called like an id (customer_id,
// "Account No", patient) and has many values that repeat ("repeating_id"), or whose texts look like
// ids and are of few rows each ("repeating_text"). nullopt for others. Told from kIdLikeRows
// values.
std::optional<Warning> HintAtGroup(const ColumnScan& column);

}  // namespace rubato
