#include "worker/data/text/find_column.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "common/base/utf8.h"
#include "worker/data/text/show_text.h"
#include "worker/run_file/nearest_key.h"

namespace rubato {

absl::StatusOr<size_t> FindColumn(const std::vector<std::string>& header, const std::string& name,
                                  absl::string_view wanted_for) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  const auto same_letters = [&name](const std::string& column) {
    return absl::EqualsIgnoreCase(column, name);
  };
  const auto near = std::find_if(header.begin(), header.end(), same_letters);
  const std::string nearest = near != header.end() ? *near : NearestKey(name, header);
  const std::string advice =
      !nearest.empty() ? absl::StrFormat("did you mean '%s'?", ShowText(nearest))
      : header.size() == 1
          ? absl::StrFormat("the only column is '%s'", ShowText(header.front()))
          : absl::StrFormat("the file has %d columns, from '%s' to '%s'", header.size(),
                            ShowText(header.front()), ShowText(header.back()));
  const bool readable = std::all_of(header.begin(), header.end(), IsUtf8);
  return absl::InvalidArgumentError(absl::StrFormat(
      "there is no column '%s' (%s); %s%s", ShowText(name), wanted_for, advice,
      readable ? ""
               : "; the names in the file are not UTF-8: convert it, as in iconv -f cp1252 -t "
                 "utf-8"));
}

}  // namespace rubato
