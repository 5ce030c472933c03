// rubato-bench-loopback: the transport on this host against what its kernel can do.
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
#include "bench/streams.h"
#include "common/status.h"
#include "common/telemetry.h"

namespace rubato {
namespace {

struct Flags {
  size_t message_kib = 1024;
  size_t megabytes = 2048;
  size_t repeats = 5;
  std::string json;
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
  return {{"memcpy in one process", MemcpyTime, 0, {}},
          {"plain unix socket", plain(Transport::kIpc), 1, {}},
          {"messages over ipc", messages(Transport::kIpc), 1, {}},
          {"plain tcp socket", plain(Transport::kTcp), 3, {}},
          {"messages over tcp", messages(Transport::kTcp), 3, {}}};
}

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
  log->Write(Event("loopback_stream")
                 .Text("name", one.name)
                 .Real("gb_per_s", Median(one.speeds))
                 .Text("limit", limit.name)
                 .Real("of_limit", Median(ratios)));
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

void RoundTrips(EventLog* log) {
  constexpr size_t kCount = 5000;
  for (const Transport transport : {Transport::kIpc, Transport::kTcp}) {
    std::vector<Duration> times = EndpointRoundTrips(transport, kCount);
    std::sort(times.begin(), times.end());
    const std::string name = transport == Transport::kIpc ? "ipc" : "tcp";
    const double p50 = times[kCount / 2].seconds() * 1e6;
    const double p99 = times[kCount * 99 / 100].seconds() * 1e6;
    std::printf("one row there, Ack back over %s: p50 %.0f us, p99 %.0f us\n", name.c_str(), p50,
                p99);
    if (log == nullptr) continue;
    log->Write(Event("loopback_round_trip")
                   .Text("transport", name)
                   .Real("p50_us", p50)
                   .Real("p99_us", p99));
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
  Streams(flags, log.get());
  RoundTrips(log.get());
  return kExitDone;
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
