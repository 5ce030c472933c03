#include "common/base/digest.h"

#include <openssl/evp.h>

#include <array>

#include "absl/strings/escaping.h"
#include "common/base/status.h"

namespace rubato {

struct Sha256OfPieces::State {
  struct Free {
    void operator()(EVP_MD_CTX* used) const { EVP_MD_CTX_free(used); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> digest{EVP_MD_CTX_new()};
};

Sha256OfPieces::Sha256OfPieces() : state_(std::make_unique<State>()) {
  CHECK(EVP_DigestInit_ex(state_->digest.get(), EVP_sha256(), nullptr) == 1,
        "OpenSSL offers no SHA-256");
}

Sha256OfPieces::~Sha256OfPieces() = default;

void Sha256OfPieces::Add(absl::string_view piece) {
  CHECK(EVP_DigestUpdate(state_->digest.get(), piece.data(), piece.size()) == 1);
}

std::string Sha256OfPieces::Finish() {
  std::array<unsigned char, 32> md = {};
  CHECK(EVP_DigestFinal_ex(state_->digest.get(), md.data(), nullptr) == 1);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(md.data()), md.size()));
}

std::string Sha256(absl::string_view text) {
  Sha256OfPieces digest;
  digest.Add(text);
  return digest.Finish();
}

}  // namespace rubato
