#include "bench/gpu_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace rubato {
namespace {

// "12.3 M", "3.01 T".
std::string Scaled(double value) {
  constexpr std::pair<double, const char*> kScales[] = {
      {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  for (const auto& [scale, letter] : kScales) {
    if (value >= scale) return absl::StrFormat("%.2f %s", value / scale, letter);
  }
  return absl::StrFormat("%.2f", value);
}

std::string Microseconds(double seconds) {
  return seconds == 0 ? "-" : absl::StrFormat("%.1f", seconds * 1e6);
}

std::string Verdict(const Figure& figure) {
  if (figure.target.least == 0) return "";
  return absl::StrFormat("%.2f of %s %s", figure.rate / figure.target.least, figure.target.words,
                         figure.IsShort() ? "SHORT" : "PASS");
}

// In the order of the table's columns.
std::array<std::string, 7> CellsOf(const Figure& figure) {
  const bool bounded = figure.bound_seconds > 0;
  return {figure.name,
          Microseconds(figure.bound_seconds),
          figure.bound_by,
          Microseconds(figure.seconds),
          bounded ? absl::StrFormat("%.2f", figure.bound_seconds / figure.seconds) : "-",
          absl::StrCat(Scaled(figure.rate), " ", figure.rate_unit, "/s"),
          Verdict(figure)};
}

void PrintLine(const std::array<std::string, 7>& cells) {
  std::printf("%-42s %8s %-20s %8s %5s  %16s  %s\n", cells[0].c_str(), cells[1].c_str(),
              cells[2].c_str(), cells[3].c_str(), cells[4].c_str(), cells[5].c_str(),
              cells[6].c_str());
}

}  // namespace

Baseline Baseline::OnH100() {
  Baseline baseline;
  const std::pair<const char*, double> rows[] = {
      {"W1 eager", 3.96e6},      {"W1 eager, inputs from host", 3.09e6},
      {"W2 tf32 eager", 3.45e6}, {"W2 tf32 compiled", 4.09e6},
      {"W2 bf16 eager", 4.39e6}, {"W2 bf16 compiled", 4.72e6},
      {"W3 256 eager", 0.26e6},  {"W3 256 graph", 3.08e6},
      {"W3 1024 eager", 0.80e6}, {"W3 1024 graph", 10.5e6},
  };
  for (const auto& [name, speed] : rows) {
    baseline.rows_.push_back({.name = name, .samples_per_second = speed, .where = "H100"});
  }
  return baseline;
}

absl::StatusOr<Baseline> Baseline::Load(const std::string& path) {
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("samples_per_second")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not what bench/torch_baseline.py writes: run it with --out ", path));
  }
  Baseline baseline = OnH100();
  for (Row& row : baseline.rows_) {
    const auto found = json["samples_per_second"].find(row.name);
    if (found == json["samples_per_second"].end() || !found->is_number()) continue;
    row.samples_per_second = found->get<double>();
    row.where = "here";
  }
  return baseline;
}

const Baseline::Row& Baseline::Of(const std::string& name) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(),
                                [&](const Row& candidate) { return candidate.name == name; });
  CHECK(row != rows_.end(), name);
  return *row;
}

Goal TimesBaseline(double factor, const Baseline::Row& row) {
  return {.least = factor * row.samples_per_second,
          .words = absl::StrFormat("%.1f x PyTorch's %s (%s, %s)", factor,
                                   Scaled(row.samples_per_second), row.name, row.where)};
}

void PrintFigure(const Figure& figure) {
  PrintLine(CellsOf(figure));
  std::fflush(stdout);
}

void PrintTable(const std::vector<Figure>& figures) {
  std::printf("\n");
  PrintLine({"what", "bound us", "of", "took us", "ratio", "rate", "share of the target"});
  for (const Figure& figure : figures) {
    PrintFigure(figure);
    for (const auto& [part, seconds] : figure.without) {
      PrintLine({"  " + part, "", "", Microseconds(seconds), "", "", ""});
    }
  }
}

absl::Status WriteJson(const std::vector<Figure>& figures, const std::string& device,
                       const std::string& path) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Figure& figure : figures) {
    nlohmann::json row = {{"name", figure.name},         {"bound_seconds", figure.bound_seconds},
                          {"bound_by", figure.bound_by}, {"seconds", figure.seconds},
                          {"rate", figure.rate},         {"rate_unit", figure.rate_unit}};
    if (figure.target.least > 0) {
      row["target"] = figure.target.least;
      row["target_words"] = figure.target.words;
      row["short"] = figure.IsShort();
    }
    for (const auto& [part, seconds] : figure.without) row["seconds_without"][part] = seconds;
    rows.push_back(std::move(row));
  }
  std::ofstream file(path);
  file << nlohmann::json{{"device", device}, {"figures", rows}}.dump(1) << "\n";
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

}  // namespace rubato
