#include "worker/data/text/sighting.h"

#include "worker/data/text/show_text.h"

namespace rubato {

void Sighting::Count(absl::string_view field, uint64_t at_line) {
  if (cells++ > 0) return;
  first = std::string(field.substr(0, kShownBytes + 1));
  line = at_line;
}

}  // namespace rubato
