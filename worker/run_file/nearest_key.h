// What a name that is not known was meant to be.
#pragma once

#include <string>
#include <vector>

namespace rubato {

// The known key that `unknown` was most likely meant to be; "" when none is near.
std::string NearestKey(const std::string& unknown, const std::vector<std::string>& known);

}  // namespace rubato
