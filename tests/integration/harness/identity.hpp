// Running the tests as somebody else than who started them.
#pragma once

namespace integration {

/// When ARCA_TEST_IDENTITY is "unprivileged" and we are root: becomes an ordinary user, with copies of the programs in
/// a place that user can reach, and a runtime directory of its own.
void take_wanted_identity();

}  // namespace integration
