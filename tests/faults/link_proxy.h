// Stands between the processes of a fleet on tcp and does to their connections what networks do:
// bytes come late, slowly, or in one direction not at all; a message ends in its middle; a
// connection is reset, or refused. Who asks for it decides when (tests/faults/links.py).
//
// Links belong to groups, named by who opens the one connection or accepts the other. One thread.
#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/env.h"

namespace rubato {

struct ProxyRoute {
  std::string group;
  std::string listen_host;
  std::string to_host;
  uint16_t to_port = 0;
  uint16_t ports = 1;  // one after the other, on both sides
};

// What becomes of the bytes of a group's links for a while.
struct Bend {
  Instant until;
  Duration delay;
  int64_t bytes_per_second = 0;  // 0: as many as come
  std::array<bool, 2> holds{};   // by direction, to the listener and back: nothing passes
  bool refuses = false;          // new connections are reset
  bool Lasts(Instant now) const { return now < until; }
};

class LinkProxy {
 public:
  using Groups = std::set<std::string>;
  LinkProxy() = default;
  ~LinkProxy();
  LinkProxy(const LinkProxy&) = delete;
  LinkProxy& operator=(const LinkProxy&) = delete;

  // The first port on which it listens, in place of those where the group was listened for before.
  absl::StatusOr<uint16_t> Open(const ProxyRoute& route);
  // How many links of each group there are.
  std::map<std::string, int> Count() const;
  void SetBend(const Groups& groups, const Bend& bend);
  // Both return how many links that was done to.
  int Reset(const Groups& groups);
  // What comes next in `direction` (0: to the listener) ends at a point drawn from `drawn`, and the
  // link with it.
  int Truncate(const Groups& groups, size_t direction, uint64_t drawn);
  // Opens connections that say nothing and closes them at `until`. How many there are.
  int Flood(const std::string& host, uint16_t port, int connections, Instant until);

  // Adds what it waits for to `files`.
  void Await(std::vector<pollfd>* files) const;
  // How long it may be waited for, in milliseconds.
  int Patience() const;
  // Moves bytes; `files` as awaited, after poll.
  void Step(Instant now, const std::vector<pollfd>& files);

 private:
  struct Listener {
    std::string group;
    std::string to_host;
    uint16_t to_port;
    int file;
  };
  struct Chunk {
    Instant due;
    std::string bytes;
  };
  // One direction of a link: what was read and is to be written.
  struct Way {
    std::deque<Chunk> queue;
    size_t queued = 0;
    Instant free_at;        // when the group's rate lets the next byte pass
    uint64_t truncate = 0;  // not 0: a cut is drawn from it
    bool ended = false;
  };
  struct Link {
    std::string group;
    std::array<int, 2> files;  // by the direction that is read from it
    std::array<Way, 2> ways;
    bool connected = false;
  };
  struct Flooder {
    int file;
    Instant until;
  };

  void Accept(const Listener& listener);
  const Bend* BendOf(const std::string& group) const;
  bool MayRead(const Link& link, size_t direction) const;
  bool MayWrite(const Link& link, size_t direction) const;
  bool Pump(Link* link);
  bool Read(Link* link, size_t direction);
  bool Write(Link* link, size_t direction);
  static void Close(const Link& link, bool reset);

  Instant now_;  // of the last step
  std::list<Listener> listeners_;
  std::list<Link> links_;
  std::map<std::string, Bend> bends_;
  std::vector<Flooder> flooders_;
};

}  // namespace rubato
