// The oracle of tests/chaos: reads the committed snapshot that a run under chaos ended with, and
// what its workers knew of their pushes, and holds both against each other.
//
// Every push is a row of table "ledger" on every shard (tests/faults/chaos_job.h). A row with
// another weight than 1 was applied twice; a life's rows on a shard have no hole; a push that a
// shard acknowledged as applied is there, unless the fleet went back behind it by a named resume,
// or its life is among those of which a loss was reported; and "sums" is the exact sum of the
// pushes that are there.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/job/job.h"
#include "common/process/process.h"
#include "server/scheduler/run_start.h"
#include "server/snapshot/snapshot_store.h"
#include "tests/faults/chaos_job.h"
#include "tests/faults/push_record.h"

namespace rubato {
namespace {

struct Arguments {
  std::string run;
  std::vector<uint64_t> reported;  // lives of which something may be lost
  std::vector<int64_t> resumed;    // clocks of fleet resumes: the first ended generation 0
};

// Iterations of each life that a shard's image holds.
using Present = std::map<uint64_t, std::set<int64_t>>;

// One shard's part of the snapshot.
struct Part {
  Present present;
  // Without a bound on staleness each shard is cut by itself, between two pushes of each life that
  // it knows: what it holds of them.
  std::map<uint64_t, int64_t> cut_at;
};

struct Verdict {
  uint64_t pushes = 0;  // one for each shard
  uint64_t twice = 0;   // rows with another weight than 1
  uint64_t holes = 0;   // lives with a hole, by shard
  uint64_t wrong_sums = 0;
  uint64_t acknowledged = 0;  // of which all should be there
  uint64_t reported = 0;      // absent, and a loss was reported
  uint64_t lost = 0;          // absent
  bool exact() const { return twice + holes + wrong_sums + lost == 0 && pushes > 0; }
};

// The rows of a table: those of a later image of the chain replace those of an earlier one.
std::map<RowKey, const float*> RowsOf(const Image& image, TableId table) {
  std::map<RowKey, const float*> rows;
  for (const TableImage& part : image.tables) {
    if (part.table != table) continue;
    for (size_t i = 0; i < part.keys.size(); ++i) {
      rows[part.keys[i]] = part.rows.data() + i * part.row_floats;
    }
  }
  return rows;
}

Present PresentIn(const Image& image, Verdict* verdict) {
  Present present;
  for (const auto& [key, row] : RowsOf(image, kLedger)) {
    const LedgerEntry entry = EntryOf(key);
    present[entry.life.value()].insert(entry.clock.value());
    verdict->twice += *row == 1.0F ? 0u : 1u;
  }
  for (const auto& [life, clocks] : present) {
    verdict->pushes += clocks.size();
    const int64_t length = *clocks.rbegin() - *clocks.begin() + 1;
    verdict->holes += length == static_cast<int64_t>(clocks.size()) ? 0u : 1u;
  }
  return present;
}

void CheckSums(const Job& job, const Image& image, const Present& present, Verdict* verdict) {
  std::array<int64_t, kPushKinds> pushes{};
  for (const auto& [life, clocks] : present) {
    for (const int64_t clock : clocks) ++pushes[PushKind({Life(life), Clock(clock)})];
  }
  const uint32_t dim = job.tables[kSums.value()].dim;
  for (const auto& [block, row] : RowsOf(image, kSums)) {
    for (uint32_t i = 0; i < dim; ++i) {
      int64_t exact = 0;
      for (uint64_t kind = 0; kind < kPushKinds; ++kind) {
        exact += pushes[kind] * SumsStep(kind, block, i);
      }
      verdict->wrong_sums += row[i] == static_cast<float>(exact) ? 0u : 1u;
    }
  }
}

// What of a life must be in a shard's part of the snapshot at `committed`: of an abandoned
// generation, all before the clock that the fleet went back to, as far as that says it.
int64_t BoundOf(const PushRecord& record, const Arguments& arguments, const Part& part,
                int64_t committed) {
  const bool abandoned = record.generation < arguments.resumed.size();
  if (part.cut_at.empty()) return abandoned ? arguments.resumed[record.generation] : committed;
  const auto cut = part.cut_at.find(record.life);
  if (cut != part.cut_at.end()) return cut->second;
  return abandoned ? record.start : committed;
}

void CheckAcknowledged(const PushRecord& record, const Arguments& arguments,
                       const std::vector<Part>& parts, int64_t committed, Verdict* verdict) {
  const auto& reported = arguments.reported;
  const bool known = std::ranges::find(reported, record.life) != reported.end();
  for (size_t place = 0; place < parts.size(); ++place) {
    const Present& present = parts[place].present;
    const auto life = present.find(record.life);
    const int64_t bound = BoundOf(record, arguments, parts[place], committed);
    for (int64_t clock = record.start; clock < std::min(record.applied[place], bound); ++clock) {
      ++verdict->acknowledged;
      if (life != present.end() && life->second.contains(clock)) continue;
      ++(known ? verdict->reported : verdict->lost);
      if (!known) {
        std::printf("LOST: life %llu, iteration %lld on shard %zu\n",
                    static_cast<unsigned long long>(record.life), static_cast<long long>(clock),
                    place);
      }
    }
  }
}

absl::StatusOr<Verdict> Check(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Job job, LoadJob(arguments.run));
  ASSIGN_OR_RETURN(const WholeSnapshot whole, FindWholeSnapshot(arguments.run, std::nullopt));
  ASSIGN_OR_RETURN(const auto store, OpenSnapshotStoreToRead(SnapshotsOf(arguments.run)));
  Verdict verdict;
  std::vector<Part> parts;
  for (const ImageName& name : whole.snapshot.images) {
    ASSIGN_OR_RETURN(const Image image, store->Read(name));
    Part& part = parts.emplace_back();
    part.present = PresentIn(image, &verdict);
    CheckSums(job, image, part.present, &verdict);
    if (image.exact) continue;
    for (const Position& at : image.positions) part.cut_at[at.life.value()] = at.clock.value();
  }
  for (const auto& file : std::filesystem::directory_iterator(arguments.run + "/pushes")) {
    ASSIGN_OR_RETURN(const std::vector<PushRecord> records, ReadPushRecords(file.path()));
    for (const PushRecord& record : records) {
      CheckAcknowledged(record, arguments, parts, whole.snapshot.clock.value(), &verdict);
    }
  }
  return verdict;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Holds the snapshot of a run under chaos against what its workers know");
  app.add_option("--run", arguments.run)->required();
  app.add_option("--reported", arguments.reported, "life of which a loss was reported");
  app.add_option("--resumed", arguments.resumed, "clock of each fleet resume, in order");
  if (const auto code = ParseCommandLine(&app, argc, argv)) return *code;
  const absl::StatusOr<Verdict> verdict = Check(arguments);
  if (!verdict.ok()) {
    std::printf("%s\n", std::string(verdict.status().message()).c_str());
    return ExitCode(verdict.status());
  }
  const auto row = [](const char* what, uint64_t count) {
    std::printf("%-44s %llu\n", what, static_cast<unsigned long long>(count));
  };
  row("pushes in the last snapshot, by shard", verdict->pushes);
  row("acknowledged pushes that should be there", verdict->acknowledged);
  row("pushes applied twice", verdict->twice);
  row("lives with a hole", verdict->holes);
  row("sums that are not exact", verdict->wrong_sums);
  row("acknowledged, absent and reported", verdict->reported);
  row("lost", verdict->lost);
  return verdict->exact() ? kExitDone : kExitFatal;
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
