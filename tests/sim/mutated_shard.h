// A Shard that makes the mistakes of tests/sim/mutation.h that lie in what a shard believes, keeps
// or says: they are made on what it is handed and on what it hands out. Those that lie in a
// decision are in tests/sim/mutated_rules.h. With no mutation active it is a Shard.
#pragma once

#include <memory>
#include <vector>

#include "server/shard/shard.h"
#include "tests/sim/mutation.h"

namespace rubato::sim {

class MutatedShard : public Shard {
 public:
  using Shard::Shard;
  void Receive(Instant now, Nonce from, const Message& message, ShardOutput* out);
  void Tick(Instant now, ShardOutput* out);
  void ImageWritten(const ImageName& image, const absl::Status& status, ShardOutput* out);
  absl::Status ImagesLoaded(Life life, absl::StatusOr<std::vector<Image>> images, ShardOutput* out);

 private:
  // What it takes a message for; false: it does not listen.
  bool Hear(Nonce* from, Message* message) const;
  bool HearView(View* view) const;
  bool HearPush(Push* push) const;
  Nonce OwnerOf(Life life, Nonce otherwise) const;
  void Say(ShardOutput* out);
  void Misreport(ShardOutput* out);
  void Cut(std::shared_ptr<ImageSource>* image, ShardOutput* out);

  Clock reported_durable_;  // of this shard's own images, committed or not
};

}  // namespace rubato::sim
