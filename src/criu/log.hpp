// CRIU tells in its log what it could not do; its answer says only that it failed.
#pragma once

#include <string>
#include <string_view>

namespace arca::criu {

/// The first line that tells of an error, without its time stamp; empty when there is none. What CRIU calls an error
/// and goes on after is passed over.
std::string first_error(std::string_view log);

}  // namespace arca::criu
