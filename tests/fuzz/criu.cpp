// CRIU's answers, and its log.
#include "criu/log.hpp"
#include "criu/protocol.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target answers("criu", [](std::string_view input) {
    (void)criu::decode(input);
    (void)criu::first_error(input);
});
}  // namespace
