#include "tests/sim/mutated_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rubato::sim {

void MutatedClient::Receive(Instant now, Nonce from, const Message& message, ClientOutput* out) {
  if (active_mutation == Mutation::none) return PsClient::Receive(now, from, message, out);
  Message heard = message;
  if (Makes(Mutation::evicted_goes_on) && IsOver(heard)) return;
  Hear(&from, &heard);
  PsClient::Receive(now, from, heard, out);
  Block(out);
}

// A view in which its life is missing.
bool MutatedClient::IsOver(const Message& message) const {
  const auto* view = std::get_if<View>(&message);
  if (view == nullptr || life() == kNoLife) return false;
  return std::ranges::none_of(view->members,
                              [this](const MemberEntry& m) { return m.life == life(); });
}

void MutatedClient::Tick(Instant now, ClientOutput* out) {
  PsClient::Tick(now, out);
  Block(out);
}

void MutatedClient::Start(Instant now, Clock clock, ClientOutput* out) {
  PsClient::Start(now, clock, out);
  Block(out);
}

void MutatedClient::Push(Instant now, Clock clock, const Parameters& gradients, ClientOutput* out) {
  stopped_ = stopped_ || (Makes(Mutation::stop_when_out_of_data) && gradients.empty());
  if (stopped_) return;
  PsClient::Push(now, clock, gradients, out);
  Block(out);
}

void MutatedClient::Hear(Nonce* from, Message* message) {
  if (const auto* view = std::get_if<View>(message)) {
    if (Makes(Mutation::view_of_anybody)) *from = kSchedulerNonce;
    for (uint32_t p = 0; p < view->shards.size(); ++p) {
      places_of_[view->shards[p].life] = PlaceId(p);
    }
  }
  const bool stale = std::holds_alternative<Stale>(*message);
  if (stale && Makes(Mutation::stale_of_anybody)) *from = kSchedulerNonce;
  auto* const ack = std::get_if<Ack>(message);
  if (ack != nullptr && Makes(Mutation::old_ack)) HearAck(from, ack);
  if (!Makes(Mutation::forged_answer)) return;
  if (ack != nullptr) *from = OwnerOf(ack->from, *from);
  if (const auto* reply = std::get_if<PullReply>(message)) *from = OwnerOf(reply->from, *from);
  if (const auto* parked = std::get_if<Parked>(message)) *from = OwnerOf(parked->from, *from);
}

// As if the life that now has the place had said it.
void MutatedClient::HearAck(Nonce* from, Ack* ack) const {
  const auto place = places_of_.find(ack->from);
  if (place == places_of_.end() || place->second.value() >= view().shards.size()) return;
  const ShardEntry& now = view().shards[place->second.value()];
  ack->from = now.life;
  *from = now.nonce;
}

Nonce MutatedClient::OwnerOf(Life shard, Nonce otherwise) const {
  for (const ShardEntry& entry : view().shards) {
    if (entry.life == shard) return entry.nonce;
  }
  return otherwise;
}

void MutatedClient::Block(ClientOutput* out) {
  if (!Makes(Mutation::block_at_retention)) return;
  for (ClientEvent& event : std::exchange(out->events, {})) {
    if (std::holds_alternative<Reset>(event)) blocked_.clear();
    auto& to = std::holds_alternative<Ready>(event) ? blocked_ : out->events;
    to.push_back(std::move(event));
  }
  if (LogBytes() > soft_bytes_) return;
  std::ranges::move(std::exchange(blocked_, {}), std::back_inserter(out->events));
}

size_t MutatedClient::LogBytes() const {
  size_t bytes = 0;
  for (uint32_t p = 0; life() != kNoLife && p < view().shards.size(); ++p) {
    bytes += log(PlaceId(p)).bytes();
  }
  return bytes;
}

}  // namespace rubato::sim
