#include "worker/data/prepare/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/strings/escaping.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

std::string ToHex(const std::array<unsigned char, 32>& digest) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace

uint32_t Md5Prefix(absl::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> md = {};
  CHECK(EVP_Digest(text.data(), text.size(), md.data(), nullptr, EVP_md5(), nullptr) == 1,
        "OpenSSL offers no MD5");
  return (uint32_t{md[0]} << 24) | (uint32_t{md[1]} << 16) | (uint32_t{md[2]} << 8) | md[3];
}

absl::StatusOr<InputFile> DigestInput(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError(errno, "opening", path);
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
  CHECK(EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1, "OpenSSL offers no SHA-256");
  InputFile result{.path = path, .sha256 = "", .bytes = 0};
  std::vector<char> chunk(kReadBytes);
  while (const size_t n = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    EVP_DigestUpdate(digest.get(), chunk.data(), n);
    result.bytes += n;
  }
  if (std::ferror(file.get()) != 0) {
    return FileError(errno, "reading", path);
  }
  std::array<unsigned char, 32> md = {};
  EVP_DigestFinal_ex(digest.get(), md.data(), nullptr);
  result.sha256 = ToHex(md);
  return result;
}

std::string DigestOfAll(const std::vector<InputFile>& files) {
  if (files.size() == 1) return files[0].sha256;
  std::string text;
  for (const InputFile& file : files) absl::StrAppend(&text, file.sha256, "\n");
  std::array<unsigned char, 32> md = {};
  CHECK(EVP_Digest(text.data(), text.size(), md.data(), nullptr, EVP_sha256(), nullptr) == 1,
        "OpenSSL offers no SHA-256");
  return ToHex(md);
}

}  // namespace rubato
