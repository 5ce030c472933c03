#include "common/wire/routes.h"

namespace rubato {
namespace {

constexpr size_t kMaxRoutes = 65536;
// A worker that begins a new life goes on with its connection under a new nonce.
constexpr size_t kMaxNoncesOfRoute = 8;

}  // namespace

const std::string* Routes::Find(Nonce nonce) const {
  const auto found = routes_.find(nonce);
  return found == routes_.end() ? nullptr : &found->second;
}

void Routes::Bind(Nonce nonce, const std::string& route) {
  if (!routes_.try_emplace(nonce, route).second) return;
  if (nonces_.size() >= kMaxRoutes && !nonces_.contains(route)) {
    nonces_.clear();
    routes_.clear();
    routes_[nonce] = route;
  }
  std::vector<Nonce>& nonces = nonces_[route];
  if (nonces.size() == kMaxNoncesOfRoute) {
    routes_.erase(nonces.front());
    nonces.erase(nonces.begin());
  }
  nonces.push_back(nonce);
}

void Routes::Forget(std::string route) {
  const auto found = nonces_.find(route);
  if (found == nonces_.end()) return;
  for (const Nonce nonce : found->second) routes_.erase(nonce);
  nonces_.erase(found);
}

}  // namespace rubato
