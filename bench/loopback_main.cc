// rubato-bench-loopback: the transport on this host against what its kernel can do, and a worker's
// pulls and pushes against raw ZeroMQ.
//
// Absolute figures move by half between minutes of one machine. So each repeat measures everything
// once, one after the other, and what is reported besides medians is the ratio to the plain socket
// of the same repeat.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "bench/product.h"
#include "bench/raw_zeromq.h"
#include "bench/streams.h"
#include "common/base/status.h"
#include "common/telemetry/telemetry.h"

namespace rubato {
namespace {

struct Flags {
  size_t message_kib = 1024;
  size_t megabytes = 2048;
  size_t repeats = 5;
  std::string json;
  std::string only;
  std::string transport;  // "": both
};

// One way to move bytes, and its speed in each repeat, in 1e9 bytes a second.
struct Contender {
  std::string name;
  std::function<Duration(const StreamShape&)> run;
  size_t limit;  // index of the contender that bounds this one; its own: none
  std::vector<double> speeds;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<Contender> Contenders() {
  const auto plain = [](Transport t) {
    return [t](const StreamShape& shape) { return PlainSocketTime(t, shape); };
  };
  const auto messages = [](Transport t) {
    return [t](const StreamShape& shape) { return EndpointTime(t, shape); };
  };
  const auto with_keys = [](StreamShape shape) {
    shape.keys = true;
    return EndpointTime(Transport::kTcp, shape);
  };
  return {{"memcpy in one process", MemcpyTime, 0, {}},
          {"plain unix socket", plain(Transport::kIpc), 1, {}},
          {"messages over ipc", messages(Transport::kIpc), 1, {}},
          {"plain tcp socket", plain(Transport::kTcp), 3, {}},
          {"messages over tcp", messages(Transport::kTcp), 3, {}},
          {"the same with keys", with_keys, 4, {}}};
}

// Lines of --json.
struct StreamEvent {
  static constexpr char kEvent[] = "loopback_stream";
  std::string name;
  double gb_per_s;
  std::string limit;
  double of_limit;
  void Fields(auto&& field) const {
    field("name", name);
    field("gb_per_s", gb_per_s);
    field("limit", limit);
    field("of_limit", of_limit);
  }
};

struct RoundTripEvent {
  static constexpr char kEvent[] = "loopback_round_trip";
  std::string transport;
  double p50_us;
  double p99_us;
  void Fields(auto&& field) const {
    field("transport", transport);
    field("p50_us", p50_us);
    field("p99_us", p99_us);
  }
};

struct SmallEvent {
  static constexpr char kEvent[] = "loopback_small";
  std::string transport;
  double p50_us;
  double raw_p50_us;
  double of_raw;
  void Fields(auto&& field) const {
    field("transport", transport);
    field("p50_us", p50_us);
    field("raw_p50_us", raw_p50_us);
    field("of_raw", of_raw);
  }
};

struct ProductEvent {
  static constexpr char kEvent[] = "loopback_product";
  std::string name;
  double gb_per_s;
  double raw_before_gb_per_s;
  double raw_after_gb_per_s;
  double of_raw;
  int valid;
  void Fields(auto&& field) const {
    field("name", name);
    field("gb_per_s", gb_per_s);
    field("raw_before_gb_per_s", raw_before_gb_per_s);
    field("raw_after_gb_per_s", raw_after_gb_per_s);
    field("of_raw", of_raw);
    field("valid", valid);
  }
};

void Report(const std::vector<Contender>& all, const Contender& one, EventLog* log) {
  const Contender& limit = all[one.limit];
  std::vector<double> ratios;
  for (size_t i = 0; i < one.speeds.size(); ++i) {
    ratios.push_back(one.speeds[i] / limit.speeds[i]);
  }
  const auto [low, high] = std::minmax_element(one.speeds.begin(), one.speeds.end());
  std::printf("%-24s %6.2f GB/s [%.2f-%.2f]", one.name.c_str(), Median(one.speeds), *low, *high);
  if (&limit != &one) std::printf(", %.2f of a %s", Median(ratios), limit.name.c_str());
  std::printf("\n");
  if (log == nullptr) return;
  log->Write(StreamEvent{.name = one.name,
                         .gb_per_s = Median(one.speeds),
                         .limit = limit.name,
                         .of_limit = Median(ratios)});
}

void Streams(const Flags& flags, EventLog* log) {
  StreamShape shape;
  shape.message_bytes = flags.message_kib << 10;
  shape.messages = std::max<size_t>((flags.megabytes << 20) / shape.message_bytes, 1);
  std::vector<Contender> all = Contenders();
  for (size_t repeat = 0; repeat < flags.repeats; ++repeat) {
    for (Contender& one : all) {
      const double bytes = static_cast<double>(shape.messages * shape.message_bytes);
      one.speeds.push_back(bytes * 1e-9 / one.run(shape).seconds());
    }
  }
  std::printf("%zu messages of %zu KiB, one connection, medians of %zu:\n", shape.messages,
              flags.message_kib, flags.repeats);
  for (const Contender& one : all) Report(all, one, log);
}

std::vector<Transport> TransportsOf(const Flags& flags) {
  if (flags.transport == "ipc") return {Transport::kIpc};
  if (flags.transport == "tcp") return {Transport::kTcp};
  return {Transport::kIpc, Transport::kTcp};
}

std::string NameOf(Transport transport) { return transport == Transport::kIpc ? "ipc" : "tcp"; }

constexpr size_t kCount = 5000;  // round trips

void RoundTrips(const Flags& flags, EventLog* log) {
  for (const Transport transport : TransportsOf(flags)) {
    std::vector<Duration> times = EndpointRoundTrips(transport, kCount);
    std::sort(times.begin(), times.end());
    const std::string name = NameOf(transport);
    const double p50 = times[kCount / 2].seconds() * 1e6;
    const double p99 = times[kCount * 99 / 100].seconds() * 1e6;
    std::printf("one row there, Ack back over %s: p50 %.0f us, p99 %.0f us\n", name.c_str(), p50,
                p99);
    if (log == nullptr) continue;
    log->Write(RoundTripEvent{.transport = name, .p50_us = p50, .p99_us = p99});
  }
}

double MedianMicros(std::vector<Duration> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2].seconds() * 1e6;
}

// In blocks in turn, as a machine may change its mind.
void SmallModels(const Flags& flags, EventLog* log) {
  for (const Transport transport : TransportsOf(flags)) {
    std::vector<double> raw;
    std::vector<double> ours;
    std::vector<double> ratios;
    for (size_t repeat = 0; repeat < flags.repeats; ++repeat) {
      raw.push_back(MedianMicros(RawRoundTrips(transport, kSmallBytes, kCount)));
      ours.push_back(MedianMicros(SmallModelRoundTrips(transport, kCount)));
      ratios.push_back(ours.back() / raw.back());
    }
    const SmallEvent row{NameOf(transport), Median(ours), Median(raw), Median(ratios)};
    std::printf(
        "4 KiB pushed, and its weights back over %s: p50 %.0f us, %.2f of raw ZeroMQ's echo "
        "(%.0f us)\n",
        row.transport.c_str(), row.p50_us, row.of_raw, row.raw_p50_us);
    if (log != nullptr) log->Write(row);
  }
}

struct ProductRow {
  std::string name;
  ProductShape shape;
  double gb_per_s;    // of values
  double raw_before;  // GB/s
  double raw_after;
  bool valid;
};

void ReportProduct(const ProductRow& row, EventLog* log) {
  const double ratio = 2 * row.gb_per_s / (row.raw_before + row.raw_after);
  std::printf("%-24s %6.2f GB/s", row.name.c_str(), row.gb_per_s);
  if (row.shape.kind == TableKind::kSparse) {
    const double keys = row.gb_per_s * 1e3 / (row.shape.dim() * sizeof(float));
    std::printf(", %.2f M keys/s", keys);
  }
  std::printf(", %.2f of raw ZeroMQ (%.2f before, %.2f after)%s\n", ratio, row.raw_before,
              row.raw_after, row.valid ? "" : " INVALID: raw ZeroMQ changed meanwhile");
  std::fflush(stdout);
  if (log == nullptr) return;
  log->Write(ProductEvent{.name = row.name,
                          .gb_per_s = row.gb_per_s,
                          .raw_before_gb_per_s = row.raw_before,
                          .raw_after_gb_per_s = row.raw_after,
                          .of_raw = ratio,
                          .valid = row.valid ? 1 : 0});
}

// Pulls and pushes of a worker, beside ZeroMQ alone, which is measured before and after each row: a
// machine that changed its mind in between has not measured anything.
void Product(const Flags& flags, const std::string& name, const ProductShape& shape,
             EventLog* log) {
  constexpr double kMostDrift = 1.5;
  StreamShape raw;
  raw.message_bytes = flags.message_kib << 10;
  raw.messages = std::max<size_t>((flags.megabytes << 20) / raw.message_bytes, 1);
  const double raw_bytes = static_cast<double>(raw.messages * raw.message_bytes);
  const auto raw_speed = [&] {
    return raw_bytes * 1e-9 / RawZeroMqTime(shape.transport, raw).seconds();
  };
  const double before = raw_speed();
  std::vector<double> seconds;
  for (size_t i = 0; i < flags.repeats; ++i) seconds.push_back(ProductTime(shape).seconds());
  const double after = raw_speed();
  const double speed = shape.value_bytes() * 1e-9 / Median(seconds);
  const double drift = std::max(before, after) / std::min(before, after);
  ReportProduct({name, shape, speed, before, after, drift <= kMostDrift}, log);
}

void Products(const Flags& flags, EventLog* log) {
  std::printf("one worker, one server, values of a worker's pulls and pushes:\n");
  for (const Transport transport : TransportsOf(flags)) {
    for (const TableKind kind : {TableKind::kDense, TableKind::kSparse}) {
      for (const Direction direction : {Direction::kPull, Direction::kPush}) {
        const bool dense = kind == TableKind::kDense;
        const std::string what = std::string(dense ? "dense " : "sparse ") +
                                 (direction == Direction::kPull ? "pull" : "push");
        if (!flags.only.empty() && what != flags.only) continue;
        Product(flags, absl::StrCat(what, " over ", NameOf(transport)),
                {kind, direction, dense ? 1024u : 16384u, dense ? 64 : 512, transport}, log);
      }
    }
  }
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("The transport of this host: messages of Rubato against plain sockets.");
  app.add_option("--message-kib", flags.message_kib, "size of a message")
      ->check(CLI::Range(1, 32 << 10));
  app.add_option("--megabytes", flags.megabytes, "bytes moved each time")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--repeats", flags.repeats)->check(CLI::Range(1, 1000));
  app.add_option("--only", flags.only, "one row of a worker's pulls and pushes, and nothing else")
      ->check(CLI::IsMember({"dense pull", "dense push", "sparse pull", "sparse push", "small"}));
  app.add_option("--transport", flags.transport, "of a worker, not both")
      ->check(CLI::IsMember({"ipc", "tcp"}));
  app.add_option("--json", flags.json, "also append JSON lines to this file");
  CLI11_PARSE(app, argc, argv);
  std::unique_ptr<EventLog> log;
  if (!flags.json.empty()) {
    auto opened = EventLog::Open({.path = flags.json, .process = "bench-loopback"});
    if (!opened.ok()) {
      std::fprintf(stderr, "error: %s\n", std::string(opened.status().message()).c_str());
      return kExitUsage;
    }
    log = *std::move(opened);
  }
  if (flags.only.empty()) {
    Streams(flags, log.get());
    RoundTrips(flags, log.get());
  }
  if (flags.only.empty() || flags.only == "small") SmallModels(flags, log.get());
  if (flags.only != "small") Products(flags, log.get());
  return kExitDone;
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
