// A seccomp profile to a program, and programs from files: the state directory's and the cache's.
#include "seccomp/cache.hpp"
#include "seccomp/program.hpp"
#include "spec/parse.hpp"
#include "target.hpp"

using namespace arca;

namespace {
void compile(const spec::Seccomp& profile) {
    std::vector<spec::Note> notes;
    const auto program = seccomp::compile(profile, notes);
    if (!program) return;
    const auto again = seccomp::parse(seccomp::serialise(*program));
    fuzz::require(again && again->instructions == program->instructions, "a program is read as it was written");
    const auto key = seccomp::cache_key(profile);
    const auto entry = seccomp::decode_entry(seccomp::encode_entry(key, {*program, notes}), key);
    fuzz::require(entry && entry->program.instructions == program->instructions, "so is one of the cache");
}

const fuzz::Target profile("seccomp", [](std::string_view input) {
    (void)seccomp::parse(input);
    (void)seccomp::decode_entry(input, "key");
    std::string document = R"({"ociVersion":"1.3.0","root":{"path":"r"},"linux":{"seccomp":)";
    const auto parsed = spec::parse_config(document.append(input) + "}}");
    if (parsed.problems.empty() && parsed.value.linux_.seccomp) compile(*parsed.value.linux_.seccomp);
});
}  // namespace
