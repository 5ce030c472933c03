// SHA-256 of text, by OpenSSL: the checksum of the text files of a run
// (common/base/checksummed_text.h) and the name of what is exported, since people and the launcher
// can compute it too.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace rubato {

// 64 hexadecimal digits.
std::string Sha256(absl::string_view text);

// The same of text that comes piece by piece.
class Sha256OfPieces {
 public:
  Sha256OfPieces();
  ~Sha256OfPieces();
  Sha256OfPieces(const Sha256OfPieces&) = delete;
  Sha256OfPieces& operator=(const Sha256OfPieces&) = delete;

  void Add(absl::string_view piece);
  // To be called once, after the last piece.
  std::string Finish();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace rubato
