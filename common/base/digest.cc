#include "common/base/digest.h"

#include <openssl/evp.h>

#include <array>

#include "absl/strings/escaping.h"
#include "common/base/status.h"

namespace rubato {

std::string Sha256(absl::string_view text) {
  std::array<unsigned char, 32> md = {};
  CHECK(EVP_Digest(text.data(), text.size(), md.data(), nullptr, EVP_sha256(), nullptr) == 1,
        "OpenSSL offers no SHA-256");
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(md.data()), md.size()));
}

}  // namespace rubato
