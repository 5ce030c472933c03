// The environment of a process, as something to be asked: only mains and their frame read it.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace rubato {

// Value of a variable; nullopt: it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

}  // namespace rubato
