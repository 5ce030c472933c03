#include "tests/sim/minimise.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/config_fields.h"

namespace rubato::sim {
namespace {

// Where a fault is gone the network draws other numbers: each candidate is tried with some more.
constexpr uint64_t kSalts = 4;

class Minimiser {
 public:
  Minimiser(const Config& config, const std::string& invariant, int runs, const Breaks& breaks)
      : best_(config), invariant_(invariant), left_(runs), breaks_(breaks) {}

  Config Run() {
    Config before;
    do {
      before = best_;
      DropKinds();
      DropSingles();
      Shrink();
    } while (best_ != before && left_ > 0);
    return best_;
  }

 private:
  // Takes the candidate if it fails as well.
  bool Try(Config candidate) {
    if (candidate == best_) return false;
    for (uint64_t salt = 0; salt < kSalts && left_ > 0; ++salt) {
      candidate.salt = best_.salt + salt;
      --left_;
      if (breaks_(candidate) != invariant_) continue;
      best_ = candidate;
      return true;
    }
    return false;
  }

  bool TryWith(const std::string& field, const std::string& value) {
    Config candidate = best_;
    return Set(field, value, &candidate) && Try(candidate);
  }

  void DropKinds() {
    for (const FaultKind& kind : FaultKinds()) TrySimple(kind.field);
  }

  void TrySimple(const std::string& field) {
    Config candidate = best_;
    Copy(field, Config(), &candidate);
    Try(candidate);
  }

  // One by one, and then as a smaller number where the last are gone.
  void DropSingles() {
    VisitFaults(best_, [&](const char* name, auto& field) {
      if constexpr (std::is_same_v<std::remove_reference_t<decltype(field)>, int>) {
        counts_.emplace_back(name, field);
      }
    });
    for (const auto& [name, count] : std::exchange(counts_, {})) {
      for (int i = count - 1; i >= 0; --i) {
        Config candidate = best_;
        candidate.skipped.insert(absl::StrCat(name, ".", i));
        Try(candidate);
      }
      for (int i = count - 1; i >= 0; --i) {
        const std::string last = absl::StrCat(name, ".", i);
        if (!best_.skipped.contains(last)) break;
        best_.skipped.erase(last);
        Set(name, absl::StrCat(i), &best_);
      }
    }
  }

  void Shrink() {
    for (const std::string& field : FieldNames()) {
      if (field != "seed" && field != "salt" && field != "skipped") TrySimple(field);
    }
    for (const char* field : {"loss", "duplicate", "long_delay"}) {
      for (const char* rate : {"0.02", "0.05", "0.1"}) {
        double now = 0;
        Config copy = best_;
        VisitFaults(copy, [&](const char* name, auto& of) {
          if (field == std::string(name)) now = static_cast<double>(of);
        });
        if (now > std::stod(rate) && TryWith(field, rate)) break;
      }
    }
    for (uint32_t places = 1; places < best_.places; ++places) {
      if (TryWith("places", absl::StrCat(places))) break;
    }
    for (uint32_t seats = 1; seats < best_.seats; ++seats) {
      if (TryWith("seats", absl::StrCat(seats))) break;
    }
    for (int64_t last = 2; last < best_.last_clock; last += 2) {
      if (TryWith("last_clock", absl::StrCat(last))) break;
    }
  }

  Config best_;
  const std::string invariant_;
  int left_;
  const Breaks& breaks_;
  std::vector<std::pair<std::string, int>> counts_;
};

}  // namespace

Config Minimise(const Config& config, const std::string& invariant, int runs,
                const Breaks& breaks) {
  return Minimiser(config, invariant, runs, breaks).Run();
}

}  // namespace rubato::sim
