#include "seccomp/dispatch.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <bit>
#include <cstddef>

namespace arca::seccomp {

std::vector<std::uint64_t> dispatch(const std::vector<Section>& sections) {
    std::vector<std::uint64_t> out;
    const auto emit = [&out](sock_filter instruction) { out.push_back(std::bit_cast<std::uint64_t>(instruction)); };
    emit(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    for (const auto& [architecture, instructions] : sections) {
        // Over the long jump into the section, or on to it: a conditional jump reaches no further than 255.
        emit(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0));
        emit(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(instructions.size())));
        out.insert(out.end(), instructions.begin(), instructions.end());
    }
    emit(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD));
    return out;
}

}  // namespace arca::seccomp
