// Digests of OpenSSL behind one door: SHA-256 names an input file for good, MD5 is the published
// rule of the hash split (worker/data/prepare/split.h) and protects nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/digest.h"

namespace rubato {

// First four bytes of MD5(text), read big-endian.
uint32_t Md5Prefix(absl::string_view text);

struct InputFile {
  std::string path;
  std::string sha256;  // 64 hexadecimal digits, of the file as it lies on disk
  uint64_t bytes = 0;
};

// The digest of a file, made by a thread of its own while others read the file for what it says.
class InputDigest {
 public:
  // Opens the file and digests its beginning, all of it if that is up to kDigestedAtOnce bytes; the
  // thread does the rest. Errors, also of a file that cannot be read: a sentence with its name.
  static absl::StatusOr<std::unique_ptr<InputDigest>> Begin(const std::string& path);
  InputDigest(const InputDigest&) = delete;
  InputDigest& operator=(const InputDigest&) = delete;
  // Gives up what is not finished.
  ~InputDigest();

  // Waits for it. To be called once, last.
  absl::StatusOr<InputFile> Finish();

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, CloseFile>;

  InputDigest(const std::string& path, File file)
      : file_(std::move(file)), result_{.path = path, .sha256 = "", .bytes = 0} {}
  // Digests the next bytes of the file; false at its end.
  absl::StatusOr<bool> AddChunk();
  absl::Status AddRest();

  File file_;
  InputFile result_;
  // The thread's, from Begin to Finish.
  Sha256OfPieces digest_;
  std::vector<char> chunk_;
  absl::Status status_;
  std::atomic<bool> given_up_ = false;
  std::thread thread_;
};
inline constexpr size_t kDigestedAtOnce = size_t{1} << 20;
// Appends all of them to `files`, in their order; none is left.
absl::Status FinishDigests(std::vector<std::unique_ptr<InputDigest>>* digests,
                           std::vector<InputFile>* files);

// One name for several files: the digest of the only one, else that of their digests' text.
std::string DigestOfAll(const std::vector<InputFile>& files);

}  // namespace rubato
