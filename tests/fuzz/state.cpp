// Files of the state directory, and that of a checkpoint: read by later commands, as they were left by a disk that was
// full, by another version, or by somebody else.
#include "container/checkpoint_plan.hpp"
#include "container/record.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target state("state", [](std::string_view input) {
    (void)container::parse_descriptors(input);
    const auto record = container::parse_record(input);
    if (!record) return;
    const auto written = container::to_json(*record);
    const auto again = container::parse_record(written);
    fuzz::require(again.has_value(), "what is written can be read");
    fuzz::require(container::to_json(*again) == written, "what is read is what was written");
});
}  // namespace
