#include "worker/spec/parameters.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/memory/huge_floats.h"

namespace rubato {
void ClearRows(const std::vector<TableSpec>& tables, Parameters* rows) {
  rows->resize(tables.size());
  for (size_t t = 0; t < tables.size(); ++t) {
    (*rows)[t].table = tables[t].id;
    (*rows)[t].keys.clear();
    (*rows)[t].values.clear();
  }
}

void AllBlocks(const TableSpec& table, ParameterRows* rows) {
  const uint64_t blocks = table.blocks();
  rows->keys.resize(blocks);
  for (uint64_t b = 0; b < blocks; ++b) rows->keys[b] = RowKey(b);
}

void ShapeGradients(const std::vector<TableSpec>& tables, const Parameters& parameters,
                    Parameters* gradients) {
  gradients->resize(parameters.size());
  for (size_t t = 0; t < parameters.size(); ++t) {
    ParameterRows& out = (*gradients)[t];
    out.table = parameters[t].table;
    out.keys = parameters[t].keys;
    ResizeFresh(&out.values, parameters[t].values.size());
    const bool sparse = tables[t].kind == TableKind::kSparse;
    const auto first = sparse ? out.values.begin()
                              : out.values.begin() + static_cast<std::ptrdiff_t>(tables[t].size);
    std::fill(first, out.values.end(), 0.0F);
  }
}

void CheckParameters(const std::vector<TableSpec>& tables, const Parameters& parameters) {
  CHECK(parameters.size() == tables.size());
  for (size_t t = 0; t < tables.size(); ++t) {
    const ParameterRows& rows = parameters[t];
    CHECK(rows.table == tables[t].id);
    CHECK(rows.values.size() == rows.keys.size() * tables[t].dim, tables[t].name);
    CHECK(tables[t].kind == TableKind::kSparse || rows.keys.size() == tables[t].blocks(),
          tables[t].name);
  }
}

}  // namespace rubato
