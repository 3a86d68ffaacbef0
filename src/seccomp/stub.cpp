#include "seccomp/stub.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <bit>
#include <cerrno>
#include <cstddef>

namespace arca::seccomp {

namespace {
/// Numbers from here on belong to the x32 ABI, which shares its architecture with x86_64.
constexpr std::uint32_t kX32Bit = 0x40000000;

bool shares_numbers_with_x32(const NewestKnown& known) {
    return known.audit_architecture == AUDIT_ARCH_X86_64;
}

/// Instructions of one architecture: its test, the loading of the number, one comparison, and for x32 one or two more.
std::size_t section_size(const NewestKnown& known) {
    std::size_t size = 3;
    if (shares_numbers_with_x32(known)) size += known.x32_number ? 2 : 1;
    return size;
}

/// Knows the length of the whole, so that each jump can be written at once: the last instruction returns ENOSYS, and
/// what follows it is the rest of the filter.
class Emitter {
  public:
    explicit Emitter(std::size_t total) : total_(total) { code_.reserve(total); }

    void load(std::size_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)); }
    void next_unless_equal(std::uint32_t value, std::size_t section) {
        // The section of the last architecture is followed by the return, which is not meant here.
        const bool is_last = position() + section == total_ - 1;
        emit(BPF_JMP | BPF_JEQ | BPF_K, 0, is_last ? to_rest() : static_cast<std::uint8_t>(section - 1), value);
    }
    /// To the rest of the filter, or over the next instruction.
    enum class Then : std::uint8_t { Rest, SkipOne };
    void if_at_least(std::uint32_t value, Then then) {
        emit(BPF_JMP | BPF_JGE | BPF_K, then == Then::Rest ? to_rest() : std::uint8_t{1}, 0, value);
    }
    void enosys_if_greater(std::uint32_t value) {
        emit(BPF_JMP | BPF_JGT | BPF_K, static_cast<std::uint8_t>(to_rest() - 1), to_rest(), value);
    }
    void return_enosys() { emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS); }
    std::vector<std::uint64_t> take() { return std::move(code_); }

  private:
    std::size_t position() const { return code_.size(); }
    std::uint8_t to_rest() const { return static_cast<std::uint8_t>(total_ - position() - 1); }
    void emit(int code, std::uint8_t if_true, std::uint8_t if_false, std::uint32_t k) {
        code_.push_back(
            std::bit_cast<std::uint64_t>(sock_filter{static_cast<std::uint16_t>(code), if_true, if_false, k}));
    }

    std::size_t total_;
    std::vector<std::uint64_t> code_;
};

void emit_section(Emitter& emitter, const NewestKnown& known) {
    emitter.next_unless_equal(known.audit_architecture, section_size(known));
    emitter.load(offsetof(seccomp_data, nr));
    if (shares_numbers_with_x32(known))
        emitter.if_at_least(kX32Bit, known.x32_number ? Emitter::Then::SkipOne : Emitter::Then::Rest);
    // Without a number nothing is newer.
    emitter.enosys_if_greater(known.number.value_or(UINT32_MAX));
    if (shares_numbers_with_x32(known) && known.x32_number) emitter.enosys_if_greater(*known.x32_number);
}
}  // namespace

bool needs_stub(const spec::Seccomp& profile) {
    switch (profile.default_action) {
        case spec::SeccompAction::Allow:
        case spec::SeccompAction::Log:
        case spec::SeccompAction::Trace:
        case spec::SeccompAction::Notify:
            return false;
        case spec::SeccompAction::Errno:
            return profile.default_errno_ret != std::uint32_t{ENOSYS};
        default:
            return true;
    }
}

std::vector<std::uint64_t> enosys_stub(const std::vector<NewestKnown>& known) {
    if (known.empty()) return {};
    std::size_t total = 2;
    for (const auto& architecture : known)
        total += section_size(architecture);
    Emitter emitter(total);
    emitter.load(offsetof(seccomp_data, arch));
    for (const auto& architecture : known)
        emit_section(emitter, architecture);
    emitter.return_enosys();
    return emitter.take();
}

}  // namespace arca::seccomp
