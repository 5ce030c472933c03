#include "worker/data/prepare/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>

#include "common/base/status.h"
#include "common/base/system_error.h"
#include "common/base/thread.h"

namespace rubato {
namespace {

// Kept by each thread: to look MD5 up in OpenSSL takes longer than to digest a few bytes.
struct Md5 {
  struct Free {
    void operator()(EVP_MD* used) const { EVP_MD_free(used); }
    void operator()(EVP_MD_CTX* used) const { EVP_MD_CTX_free(used); }
  };
  const std::unique_ptr<EVP_MD, Free> algorithm{EVP_MD_fetch(nullptr, "MD5", nullptr)};
  const std::unique_ptr<EVP_MD_CTX, Free> digest{EVP_MD_CTX_new()};
};

}  // namespace

uint32_t Md5Prefix(absl::string_view text) {
  static thread_local const Md5 md5;
  std::array<unsigned char, EVP_MAX_MD_SIZE> md = {};
  CHECK(EVP_DigestInit_ex2(md5.digest.get(), md5.algorithm.get(), nullptr) == 1,
        "OpenSSL offers no MD5");
  CHECK(EVP_DigestUpdate(md5.digest.get(), text.data(), text.size()) == 1);
  CHECK(EVP_DigestFinal_ex(md5.digest.get(), md.data(), nullptr) == 1);
  return (uint32_t{md[0]} << 24) | (uint32_t{md[1]} << 16) | (uint32_t{md[2]} << 8) | md[3];
}

absl::StatusOr<std::unique_ptr<InputDigest>> InputDigest::Begin(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError(errno, "opening", path);
  std::unique_ptr<InputDigest> digest(new InputDigest(path, std::move(file)));
  digest->chunk_.resize(kDigestedAtOnce);
  ASSIGN_OR_RETURN(const bool more, digest->AddChunk());
  if (!more) return digest;
  auto thread = StartThread([rest = digest.get()] { rest->status_ = rest->AddRest(); });
  if (thread.ok()) {
    digest->thread_ = *std::move(thread);
  } else {
    digest->status_ = digest->AddRest();
  }
  return digest;
}

InputDigest::~InputDigest() {
  given_up_ = true;
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<bool> InputDigest::AddChunk() {
  const size_t n = std::fread(chunk_.data(), 1, chunk_.size(), file_.get());
  if (std::ferror(file_.get()) != 0) return FileError(errno, "reading", result_.path);
  digest_.Add({chunk_.data(), n});
  result_.bytes += n;
  return n == chunk_.size();
}

absl::Status InputDigest::AddRest() {
  while (!given_up_) {
    ASSIGN_OR_RETURN(const bool more, AddChunk());
    if (!more) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<InputFile> InputDigest::Finish() {
  if (thread_.joinable()) thread_.join();
  RETURN_IF_ERROR(status_);
  result_.sha256 = digest_.Finish();
  return std::move(result_);
}

absl::Status FinishDigests(std::vector<std::unique_ptr<InputDigest>>* digests,
                           std::vector<InputFile>* files) {
  for (const auto& digest : std::exchange(*digests, {})) {
    ASSIGN_OR_RETURN(files->emplace_back(), digest->Finish());
  }
  return absl::OkStatus();
}

std::string DigestOfAll(const std::vector<InputFile>& files) {
  if (files.size() == 1) return files[0].sha256;
  std::string text;
  for (const InputFile& file : files) absl::StrAppend(&text, file.sha256, "\n");
  return Sha256(text);
}

}  // namespace rubato
