#include "seccomp/dispatch.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cstddef>

#include "seccomp/stub.hpp"

namespace arca::seccomp {

namespace {
using Code = std::vector<std::uint64_t>;

void emit(Code& out, sock_filter instruction) {
    out.push_back(std::bit_cast<std::uint64_t>(instruction));
}

/// Over `body`, unless the comparison holds. A conditional jump reaches no further than 255, so it takes two.
void emit_guarded(Code& out, int comparison, std::uint32_t value, const Code& body) {
    emit(out, BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), value, 1, 0));
    emit(out, BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(body.size())));
    out.insert(out.end(), body.begin(), body.end());
}

Code split_by_number(const Code& x32, const Code& other) {
    Code out;
    emit(out, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    emit_guarded(out, BPF_JGE, kFirstX32Number, x32);
    out.insert(out.end(), other.begin(), other.end());
    return out;
}

/// x86_64 and x32 become one section.
std::vector<Section> merge_x32(std::vector<Section> sections) {
    const auto x32 = std::ranges::find(sections, true, &Section::is_x32);
    if (x32 == sections.end()) return sections;
    const auto other = std::ranges::find_if(sections, [&](const Section& section) {
        return !section.is_x32 && section.audit_architecture == x32->audit_architecture;
    });
    if (other == sections.end()) return sections;
    other->instructions = split_by_number(x32->instructions, other->instructions);
    sections.erase(x32);
    return sections;
}
}  // namespace

Code dispatch(std::vector<Section> sections) {
    Code out;
    emit(out, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    for (const auto& section : merge_x32(std::move(sections)))
        emit_guarded(out, BPF_JEQ, section.audit_architecture, section.instructions);
    emit(out, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD));
    return out;
}

}  // namespace arca::seccomp
