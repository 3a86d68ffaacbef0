// Whether CRIU can be used on this host: asked by trying.
#pragma once

#include <string>

#include "command.hpp"

namespace integration {

/// Whether CRIU works here, and what it needs for that.
struct Criu {
    std::string obstacle;  ///< empty: it works
    std::string fault;     ///< value of CRIU_FAULT, or empty
};

const Criu& criu();

/// Gives a command that calls CRIU the environment that it needs here.
void prepare_for_criu(Command& command);

}  // namespace integration
