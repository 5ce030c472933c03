// What was measured, each figure with its bound and its target: lines as they come, a table at the
// end, and JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

// Samples a second of PyTorch on the same workloads.
class Baseline {
 public:
  // What PyTorch 2.11 did on an H100.
  static Baseline OnH100();
  // Of this call: what bench/torch_baseline.py wrote. Rows it lacks stay those of the H100.
  static absl::StatusOr<Baseline> Load(const std::string& path);

  struct Row {
    std::string name;  // "W2 tf32 compiled"
    double samples_per_second = 0;
    std::string where;  // "here", "H100"
  };
  // `name` is one of the rows.
  const Row& Of(const std::string& name) const;

 private:
  std::vector<Row> rows_;
};

// At least so much, and why.
struct Goal {
  double least = 0;  // 0: none
  std::string words{};
};
// So many times a row of the baseline.
Goal TimesBaseline(double factor, const Baseline::Row& row);

struct Figure {
  std::string name;
  double bound_seconds = 0;  // 0: none
  std::string bound_by{};
  double seconds = 0;       // of a step or a call
  double rate = 0;          // a second
  std::string rate_unit{};  // "samples", "bytes", "flops"
  Goal target{};
  // Seconds with a part left out, by what was: where a figure falls short.
  std::vector<std::pair<std::string, double>> without{};

  bool IsShort() const { return rate < target.least; }
};

void PrintFigure(const Figure& figure);
// All of them; what falls short with its parts left out.
void PrintTable(const std::vector<Figure>& figures);
absl::Status WriteJson(const std::vector<Figure>& figures, const std::string& device,
                       const std::string& path);

}  // namespace rubato
