// Digests of OpenSSL behind one door: SHA-256 names an input file for good, MD5 is the published
// rule of the hash split (worker/data/prepare/split.h) and protects nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

// First four bytes of MD5(text), read big-endian.
uint32_t Md5Prefix(absl::string_view text);

struct InputFile {
  std::string path;
  std::string sha256;  // 64 hexadecimal digits, of the file as it lies on disk
  uint64_t bytes = 0;
};

absl::StatusOr<InputFile> DigestInput(const std::string& path);
// One name for several files: the digest of the only one, else that of their digests' text.
std::string DigestOfAll(const std::vector<InputFile>& files);

}  // namespace rubato
