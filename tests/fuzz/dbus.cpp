// Properties of systemd's in annotations.
#include "cgroup/dbus_value.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target dbus("dbus", [](std::string_view input) {
    const auto value = cgroup::parse_gvariant(input);
    fuzz::require(!value || !value->signature.empty(), "a value has a type");
});
}  // namespace
