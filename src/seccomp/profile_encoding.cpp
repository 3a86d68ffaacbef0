#include "seccomp/profile_encoding.hpp"

#include <utility>

// Each struct is taken apart by a structured binding: a field that is added to it does not compile here before it is
// written too.
namespace arca::seccomp {

namespace {
void encode(Writer& writer, std::uint32_t value) {
    writer.u32(value);
}
void encode(Writer& writer, const std::string& value) {
    writer.string(value);
}
void encode(Writer& writer, spec::SeccompAction value) {
    writer.u8(std::to_underlying(value));
}
void encode(Writer& writer, const spec::SeccompArgument& argument) {
    const auto& [index, value, value_two, op] = argument;
    writer.u32(index);
    writer.u64(value);
    writer.u64(value_two);
    writer.u8(std::to_underlying(op));
}
void encode(Writer& writer, const spec::SeccompRule& rule);

template<class T>
void encode(Writer& writer, const std::vector<T>& list) {
    writer.u64(list.size());
    for (const auto& element : list)
        encode(writer, element);
}
template<class T>
void encode(Writer& writer, const std::optional<T>& value) {
    writer.u8(value ? 1 : 0);
    if (value) encode(writer, *value);
}

void encode(Writer& writer, const spec::SeccompRule& rule) {
    const auto& [names, action, errno_ret, args] = rule;
    encode(writer, names);
    encode(writer, action);
    encode(writer, errno_ret);
    encode(writer, args);
}
}  // namespace

void encode(Writer& writer, const spec::Seccomp& profile) {
    const auto& [default_action, default_errno_ret, architectures, flags, listener_path, listener_metadata, syscalls] =
        profile;
    encode(writer, default_action);
    encode(writer, default_errno_ret);
    encode(writer, architectures);
    encode(writer, flags);
    encode(writer, listener_path);
    encode(writer, listener_metadata);
    encode(writer, syscalls);
}

}  // namespace arca::seccomp
