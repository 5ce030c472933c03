// An id whose values repeat: several rows of one customer, some of which would train and others
// test, so that the model is tested on whom it knows.
#pragma once

#include <optional>
#include <vector>

#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/scan.h"

namespace rubato {

// A warning that offers split.group, for a column that is called like an id (customer_id,
// "Account No") and has many values that repeat ("repeating_id", which is no feature); or that may
// be one by its texts, or by a name such as merchant, and has few rows of each value ("repeating":
// it may as well be a feature). nullopt for others, as dates and numbers of things (claim_number 0
// to 25). Told from kIdLikeRows values.
std::optional<Warning> HintAtGroup(const ColumnScan& column);

}  // namespace rubato
