#include "server/scheduler/admission.h"

#include <algorithm>
#include <string>

#include "common/base/status.h"
#include "common/wire/protocol.h"

namespace rubato {
namespace {

// A row of a sparse table beside its floats: its key, and key and payload in an index that is at
// least 5/16 full.
constexpr uint64_t kRowOverhead = 64;
// Iterations whose rows a worker asks for at a time, about: train.prefetch and the one that begins.
constexpr uint64_t kAsked = 4;

// Numbers of a job may be anything: beyond this they are all the same, and their sum is a number.
constexpr uint64_t kMost = uint64_t{1} << 58;

uint64_t Times(uint64_t a, uint64_t b) {
  return b != 0 && a > kMost / b ? kMost : std::min(kMost, a * b);
}

void Add(uint64_t bytes, uint64_t* sum) { *sum = std::min(kMost, *sum + bytes); }

void AddTable(const TableSpec& table, const Job& job, MemoryNeed* need) {
  const UpdateRule& rule = RuleOf(table.optimizer.kind);
  const bool sparse = table.kind == TableKind::kSparse;
  const uint64_t rows = sparse ? job.feature_keys : table.blocks();
  const uint64_t floats = uint64_t{table.dim} * rule.slots + (rule.counts_steps ? 1 : 0);
  Add(Times(rows, table.dim * sizeof(float) + (sparse ? kRowOverhead : 0)), &need->weights);
  Add(Times(rows, floats * sizeof(float)), &need->slots);
}

// What the workers of a job have under way: as much as they are granted, or as there is.
uint64_t CreditsOf(const Job& job) {
  const Staleness s = job.staleness();
  const auto clocks = static_cast<uint64_t>(job.last_clock.value());
  const uint64_t pushed =
      s.infinite() ? clocks : std::min(clocks, static_cast<uint64_t>(s.bound().value()) + 1);
  const uint64_t pushes = std::min(Times(pushed, job.iteration_bytes),
                                   Times(job.places, CreditRule::OfPushes(job.iteration_bytes)));
  const uint64_t pulls =
      std::min(Times(kAsked, job.iteration_bytes), Times(job.places, CreditRule::kPulls));
  return Times(job.seats, pushes + pulls);
}

uint64_t OfShard(const Job& job, const MemoryNeed& need) {
  return (need.weights + need.slots + need.image + need.credits) / job.places;
}

std::string Size(uint64_t bytes) {
  constexpr double kMib = 1 << 20;
  const double mib = static_cast<double>(bytes) / kMib;
  return mib < 1024 ? absl::StrFormat("%.0f MiB", mib) : absl::StrFormat("%.1f GiB", mib / 1024);
}

std::string Parts(const MemoryNeed& need) {
  std::string parts = absl::StrFormat(
      "weights %s, the optimizer's state %s, as much for writing or reading an image %s",
      Size(need.weights), Size(need.slots), Size(need.image));
  if (need.credits + need.retained == 0) return parts;
  return absl::StrFormat("%s, requests under way %s, pushes kept for replay %s", parts,
                         Size(need.credits), Size(need.retained));
}

}  // namespace

MemoryNeed NeedOf(const Job& job, FleetFor purpose) {
  MemoryNeed need;
  for (const TableSpec& table : job.tables) AddTable(table, job, &need);
  need.image = need.weights + need.slots;
  if (purpose == FleetFor::kReaders) return need;
  need.credits = CreditsOf(job);
  const auto clocks = static_cast<uint64_t>(job.last_clock.value());
  need.retained =
      Times(job.seats, std::min(job.retention_hard_bytes, Times(clocks, job.iteration_bytes)));
  return need;
}

uint64_t LargestProcess(const Job& job, const MemoryNeed& need) {
  return std::max(OfShard(job, need), need.retained / job.seats);
}

absl::Status CheckItFits(const Job& job, FleetFor purpose, const MemoryLimits& limits) {
  const MemoryNeed need = NeedOf(job, purpose);
  if (need.total() > limits.host.bytes) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "this run can need %s of memory (%s), and %s is %s; make the model or "
        "snapshot.retention_hard_mib smaller, take fewer workers, or give it more memory",
        Size(need.total()), Parts(need), limits.host.what, Size(limits.host.bytes)));
  }
  const uint64_t largest = LargestProcess(job, need);
  if (largest <= limits.process.bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "one process of this run can need %s of memory (all together: %s), and %s is %s; make the "
      "model or snapshot.retention_hard_mib smaller, use more servers, or raise the limit",
      Size(largest), Parts(need), limits.process.what, Size(limits.process.bytes)));
}

absl::Status CheckServersFit(const Job& job, FleetFor purpose, ServersOnHost here,
                             const MemoryLimits& limits) {
  const uint64_t one = Times(here.shards, OfShard(job, NeedOf(job, purpose)));
  const uint64_t all = Times(here.servers, one);
  const bool fits_process = one <= limits.process.bytes;
  if (fits_process && all <= limits.host.bytes) return absl::OkStatus();
  const MemoryLimit& limit = fits_process ? limits.host : limits.process;
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s can need %s of memory, for %d of the run's %d shards, and %s is %s; use more %s, make "
      "the "
      "model smaller, or give it more memory",
      fits_process && here.servers > 1
          ? absl::StrFormat("the %d servers on this host", here.servers)
          : "this server",
      Size(fits_process ? all : one), here.shards * (fits_process ? here.servers : 1), job.places,
      limit.what, Size(limit.bytes), fits_process ? "hosts" : "servers"));
}

}  // namespace rubato
