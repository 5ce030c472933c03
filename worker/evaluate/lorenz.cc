#include "worker/evaluate/lorenz.h"

#include <algorithm>
#include <utility>

namespace rubato {
namespace {

constexpr size_t kTableBins = 10;
// Rates as far apart as this are the same: they are quotients of single-precision numbers, and what
// rounding makes of rows alike must not put them in order.
constexpr double kSameRate = 1e-6;

void AddTo(MeanRow* sum, const MeanRow& row) {
  sum->size += row.size;
  sum->actual += row.actual;
  sum->expected += row.expected;
}

}  // namespace

LorenzRows::LorenzRows(std::vector<MeanRow> rows) : rows_(std::move(rows)) {
  std::sort(rows_.begin(), rows_.end(),
            [](const MeanRow& a, const MeanRow& b) { return a.rate < b.rate; });
  for (const MeanRow& row : rows_) AddTo(&total_, row);
}

template <class Step>
void LorenzRows::ForEachTie(Step step) const {
  for (size_t i = 0; i < rows_.size();) {
    MeanRow tied;
    const double most = rows_[i].rate * (1.0 + kSameRate);
    for (; i < rows_.size() && rows_[i].rate <= most; ++i) {
      AddTo(&tied, rows_[i]);
    }
    step(tied.size, tied.actual);
  }
}

double LorenzRows::Gini() const {
  if (!(total_.actual > 0.0)) return 0.0;
  double area = 0.0;
  double below = 0.0;  // of what happened
  ForEachTie([&](double size, double actual) {
    area += size / total_.size * (below + actual / 2) / total_.actual;
    below += actual;
  });
  return 1.0 - 2.0 * area;
}

FigureTable LorenzRows::Curve(size_t points) const {
  FigureTable table = {"lorenz", {"size", "actual"}, {{0.0, 0.0}}};
  if (!(total_.actual > 0.0)) return table;
  const double apart = 1.0 / static_cast<double>(points - 1);
  MeanRow below;
  double last = 0.0;
  ForEachTie([&](double size, double actual) {
    AddTo(&below, {.size = size, .actual = actual});
    const double share = below.size / total_.size;
    if (share - last < apart && below.size < total_.size) return;
    table.rows.push_back({share, below.actual / total_.actual});
    last = share;
  });
  return table;
}

FigureTable LorenzRows::Calibration() const {
  FigureTable table = {"calibration", {"rows", "size", "mean_predicted", "observed"}, {}};
  const size_t bins = std::min(kTableBins, rows_.size());
  for (size_t bin = 0; bin < bins; ++bin) {
    const size_t begin = bin * rows_.size() / bins;
    const size_t end = (bin + 1) * rows_.size() / bins;
    MeanRow sum;
    for (size_t i = begin; i < end; ++i) AddTo(&sum, rows_[i]);
    if (!(sum.size > 0.0)) continue;
    table.rows.push_back({static_cast<double>(end - begin), sum.size, sum.expected / sum.size,
                          sum.actual / sum.size});
  }
  return table;
}

}  // namespace rubato
