#include "worker/data/text/name_words.h"

#include "absl/strings/ascii.h"

namespace rubato {

std::vector<std::string> WordsOf(absl::string_view name) {
  std::vector<std::string> words(1);
  bool small_before = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins = absl::ascii_isupper(byte) && small_before;
    if ((begins || !absl::ascii_isalpha(byte)) && !words.back().empty()) words.emplace_back();
    if (absl::ascii_isalpha(byte)) words.back().push_back(absl::ascii_tolower(byte));
    small_before = absl::ascii_islower(byte);
  }
  if (words.size() > 1 && words.back().empty()) words.pop_back();
  return words;
}

}  // namespace rubato
