// A parsed profile as bytes, all of it.
#pragma once

#include "seccomp/encoding.hpp"
#include "spec/types.hpp"

namespace arca::seccomp {

/// Two profiles have the same bytes if and only if all their fields are equal.
void encode(Writer& writer, const spec::Seccomp& profile);

}  // namespace arca::seccomp
