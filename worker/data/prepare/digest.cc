#include "worker/data/prepare/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

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
  Sha256OfPieces digest;
  InputFile result{.path = path, .sha256 = "", .bytes = 0};
  std::vector<char> chunk(kReadBytes);
  while (const size_t n = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    digest.Add({chunk.data(), n});
    result.bytes += n;
  }
  if (std::ferror(file.get()) != 0) {
    return FileError(errno, "reading", path);
  }
  result.sha256 = digest.Finish();
  return result;
}

std::string DigestOfAll(const std::vector<InputFile>& files) {
  if (files.size() == 1) return files[0].sha256;
  std::string text;
  for (const InputFile& file : files) absl::StrAppend(&text, file.sha256, "\n");
  return Sha256(text);
}

}  // namespace rubato
