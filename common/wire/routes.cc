#include "common/wire/routes.h"

namespace rubato {
namespace {

constexpr size_t kMaxRoutes = 65536;
// A worker that begins a new life goes on with its connection under a new nonce.
constexpr size_t kMaxNoncesOfRoute = 8;

}  // namespace

const Routes::Route* Routes::Find(Nonce nonce) const {
  const auto found = routes_.find(nonce);
  return found == routes_.end() ? nullptr : &found->second;
}

bool Routes::IsOf(Nonce nonce, const std::string& key) const {
  const auto owner = owners_.find(nonce);
  return owner == owners_.end() || owner->second == key;
}

void Routes::Remember(Nonce nonce, const std::string& key) {
  if (!owners_.try_emplace(nonce, key).second) return;
  remembered_.push_back(nonce);
  if (remembered_.size() <= kMaxRoutes) return;
  owners_.erase(remembered_.front());
  remembered_.pop_front();
}

void Routes::Bind(Nonce nonce, const std::string& route, const std::string& key) {
  if (!key.empty()) Remember(nonce, key);
  if (routes_.contains(nonce)) return;
  if (spoken_.size() >= kMaxRoutes && !spoken_.contains(route)) {
    spoken_.clear();
    routes_.clear();
  }
  Spoken& spoken = spoken_[route];
  if (spoken.nonces.size() == kMaxNoncesOfRoute) {
    routes_.erase(spoken.nonces.front());
    spoken.nonces.erase(spoken.nonces.begin());
  }
  spoken.nonces.push_back(nonce);
  routes_[nonce] = {route, key, spoken.backlog};
}

void Routes::Forget(std::string route) {
  const auto found = spoken_.find(route);
  if (found == spoken_.end()) return;
  for (const Nonce nonce : found->second.nonces) routes_.erase(nonce);
  spoken_.erase(found);
}

}  // namespace rubato
