// A PsClient that makes the mistakes of tests/sim/mutation.h that lie in what a worker believes or
// does with its client, as MutatedShard does for a shard. With no mutation active it is a PsClient.
#pragma once

#include <map>
#include <vector>

#include "tests/sim/mutation.h"
#include "worker/client/ps_client.h"

namespace rubato::sim {

class MutatedClient : public PsClient {
 public:
  MutatedClient(PsClientOptions options, uint64_t seed, Instant now)
      : PsClient(options, seed, now), soft_bytes_(options.job.retention_soft_bytes) {}
  void Receive(Instant now, Nonce from, const Message& message, ClientOutput* out);
  void Tick(Instant now, ClientOutput* out);
  void Start(Instant now, Clock clock, ClientOutput* out);
  void Push(Instant now, Clock clock, const Parameters& gradients, ClientOutput* out);

 private:
  bool IsOver(const Message& message) const;
  // What it takes a message for.
  void Hear(Nonce* from, Message* message);
  void HearAck(Nonce* from, Ack* ack) const;
  Nonce OwnerOf(Life shard, Nonce otherwise) const;
  // Keeps iterations from beginning while the logs are beyond the soft bound.
  void Block(ClientOutput* out);
  size_t LogBytes() const;

  const size_t soft_bytes_;
  std::map<Life, PlaceId> places_of_;  // of all shard lives that views have named
  std::vector<ClientEvent> blocked_;
  bool stopped_ = false;  // pushes no more
};

}  // namespace rubato::sim
