#include "privileges/capabilities.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::privileges {

namespace {
constexpr int kMaximalBits = 64;

constexpr std::uint64_t bit_mask(int bit) {
    return std::uint64_t{1} << static_cast<unsigned>(bit);
}

/// prctl(2) reads its arguments as longs; an int would leave the upper half undefined.
int prctl_long(int option, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0, unsigned long d = 0) {
    return ::prctl(option, a, b, c, d);
}

std::uint64_t mask_of(const std::vector<std::string>& names, std::string_view set, std::vector<spec::Note>& notes) {
    std::uint64_t mask = 0;
    for (std::size_t index = 0; index < names.size(); ++index) {
        const int bit = capability_bit(names[index]);
        if (bit >= 0)
            mask |= bit_mask(bit);
        else
            notes.push_back({text::cat("/process/capabilities/", set, "/", index),
                             text::cat("unknown capability \"", text::printable(names[index]), "\" is ignored")});
    }
    return mask;
}

std::string names_of(std::uint64_t mask) {
    std::vector<std::string> names;
    for (int bit = 0; bit < kMaximalBits; ++bit)
        if ((mask & bit_mask(bit)) != 0) names.push_back(capability_name(bit));
    return text::join(names, ", ");
}

/// Clears what `allowed` does not hold, and says so.
void restrict_set(std::uint64_t& set, std::uint64_t allowed, std::string_view set_name, std::string_view reason,
                  std::vector<spec::Note>& notes) {
    const std::uint64_t lost = set & ~allowed;
    if (lost == 0) return;
    set &= allowed;
    notes.push_back({text::cat("/process/capabilities/", set_name), text::cat(names_of(lost), reason)});
}

struct KernelSets {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};
};

std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
    return low | std::uint64_t{high} << 32U;
}

Result<CapabilitySets> read_thread_sets() {
    KernelSets kernel;
    if (::syscall(SYS_capget, &kernel.header, kernel.words.data()) < 0) return sys::last_error("capget");
    const auto& [low, high] = kernel.words;
    CapabilitySets sets;
    sets.effective = joined(low.effective, high.effective);
    sets.permitted = joined(low.permitted, high.permitted);
    sets.inheritable = joined(low.inheritable, high.inheritable);
    return sets;
}

std::uint64_t read_bounding() {
    std::uint64_t mask = 0;
    for (int bit = 0; bit < kMaximalBits; ++bit) {
        const int state = prctl_long(PR_CAPBSET_READ, static_cast<unsigned long>(bit));
        if (state < 0) break;  // EINVAL: beyond the last capability of this kernel
        if (state == 1) mask |= bit_mask(bit);
    }
    return mask;
}

/// Only bits that are permitted and inheritable can be ambient (capabilities(7)), so only they are asked for.
std::uint64_t read_ambient(std::uint64_t candidates) {
    std::uint64_t mask = 0;
    for (int bit = 0; bit < kMaximalBits; ++bit)
        if ((candidates & bit_mask(bit)) != 0 &&
            prctl_long(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, static_cast<unsigned long>(bit)) == 1)
            mask |= bit_mask(bit);
    return mask;
}

Result<> set_thread_sets(const CapabilitySets& wanted) {
    if (lower(wanted) == 0) return {};
    return sys::last_error(text::cat("capset(effective ", text::hex(wanted.effective), ", permitted ",
                                     text::hex(wanted.permitted), ", inheritable ", text::hex(wanted.inheritable),
                                     ")"));
}

Result<> raise_ambient(std::uint64_t wanted) {
    if (prctl_long(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL) < 0) {
        // FALLBACK(linux<4.3): no ambient set, which is as good as an empty one.
        if (errno == EINVAL && wanted == 0) return {};
        return sys::last_error("prctl(PR_CAP_AMBIENT_CLEAR_ALL)");
    }
    for (int bit = 0; bit < kMaximalBits; ++bit) {
        if ((wanted & bit_mask(bit)) == 0) continue;
        if (prctl_long(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<unsigned long>(bit)) < 0)
            return sys::last_error(text::cat("prctl(PR_CAP_AMBIENT_RAISE, ", capability_name(bit), ")"));
    }
    return {};
}

Result<> compare_sets(std::string_view set, std::uint64_t actual, std::uint64_t wanted) {
    const std::uint64_t difference = actual ^ wanted;
    if (difference == 0) return {};
    const int bit = __builtin_ctzll(difference);
    const bool is_raised = (actual & bit_mask(bit)) != 0;
    return fail(Code::System, text::cat("reading the capabilities back: ", capability_name(bit), " is ",
                                        is_raised ? "still in" : "missing from", " the ", set, " set"));
}
}  // namespace

CapabilitySets plan_capabilities(const spec::Capabilities* wanted, std::vector<spec::Note>& notes) {
    CapabilitySets sets;
    if (wanted == nullptr) return sets;
    sets.bounding = mask_of(wanted->bounding, "bounding", notes);
    sets.effective = mask_of(wanted->effective, "effective", notes);
    sets.inheritable = mask_of(wanted->inheritable, "inheritable", notes);
    sets.permitted = mask_of(wanted->permitted, "permitted", notes);
    sets.ambient = mask_of(wanted->ambient, "ambient", notes);
    restrict_set(sets.ambient, sets.permitted & sets.inheritable, "ambient",
                 " cannot be ambient without being permitted and inheritable, and is left out", notes);
    return sets;
}

CapabilitySets restrict_to_available(const CapabilitySets& wanted, const CapabilitySets& current,
                                     std::vector<spec::Note>& notes) {
    constexpr std::string_view kReason = " cannot be granted by this process, and is left out";
    CapabilitySets sets = wanted;
    restrict_set(sets.bounding, current.bounding, "bounding", kReason, notes);
    restrict_set(sets.permitted, current.permitted, "permitted", kReason, notes);
    restrict_set(sets.effective, current.permitted, "effective", kReason, notes);
    // capset(2) wants new inheritable bits in the bounding set, as it is by then.
    restrict_set(sets.inheritable, current.inheritable | sets.bounding, "inheritable", kReason, notes);
    restrict_set(sets.ambient, sets.permitted & sets.inheritable, "ambient", kReason, notes);
    return sets;
}

Result<CapabilitySets> current_sets() {
    auto sets = TRY(read_thread_sets());
    sets.bounding = read_bounding();
    sets.ambient = read_ambient(sets.permitted & sets.inheritable);
    return sets;
}

Result<> drop_bounding(const CapabilitySets& wanted) {
    // Up to the last capability of the kernel, which may know more than the headers; dropping is a hundred times dearer
    // than asking, so only what is set is dropped.
    for (int bit = 0; bit < kMaximalBits; ++bit) {
        if ((wanted.bounding & bit_mask(bit)) != 0) continue;
        const int state = prctl_long(PR_CAPBSET_READ, static_cast<unsigned long>(bit));
        if (state < 0) break;
        if (state == 1 && prctl_long(PR_CAPBSET_DROP, static_cast<unsigned long>(bit)) < 0)
            return sys::last_error(text::cat("prctl(PR_CAPBSET_DROP, ", capability_name(bit), ")"));
    }
    return {};
}

Result<> keep_capabilities_over_setuid() {
    if (prctl_long(PR_SET_KEEPCAPS, 1) < 0) return sys::last_error("prctl(PR_SET_KEEPCAPS)");
    return {};
}

int lower(const CapabilitySets& wanted) noexcept {
    KernelSets kernel;
    const auto low = [](std::uint64_t mask) { return static_cast<std::uint32_t>(mask); };
    const auto high = [](std::uint64_t mask) { return static_cast<std::uint32_t>(mask >> 32U); };
    kernel.words[0] = {low(wanted.effective), low(wanted.permitted), low(wanted.inheritable)};
    kernel.words[1] = {high(wanted.effective), high(wanted.permitted), high(wanted.inheritable)};
    return ::syscall(SYS_capset, &kernel.header, kernel.words.data()) == 0 ? 0 : errno;
}

Result<> apply(const CapabilitySets& wanted) {
    if (const auto orphans = wanted.effective & ~wanted.permitted; orphans != 0)
        return fail(Error(Code::InvalidConfig, text::cat(names_of(orphans), " is effective but not permitted"))
                        .at("/process/capabilities/effective"));
    TRY(set_thread_sets(wanted));
    return raise_ambient(wanted.ambient);
}

Result<> verify(const CapabilitySets& wanted) {
    const auto actual = TRY(current_sets());
    TRY(compare_sets("bounding", actual.bounding, wanted.bounding));
    TRY(compare_sets("effective", actual.effective, wanted.effective));
    TRY(compare_sets("permitted", actual.permitted, wanted.permitted));
    TRY(compare_sets("inheritable", actual.inheritable, wanted.inheritable));
    return compare_sets("ambient", actual.ambient, wanted.ambient);
}

Result<> set_no_new_privileges() {
    if (prctl_long(PR_SET_NO_NEW_PRIVS, 1) < 0) return sys::last_error("prctl(PR_SET_NO_NEW_PRIVS)");
    return {};
}

Result<> verify_no_new_privileges() {
    const int state = prctl_long(PR_GET_NO_NEW_PRIVS);
    if (state < 0) return sys::last_error("prctl(PR_GET_NO_NEW_PRIVS)");
    if (state != 1) return fail(Code::System, "reading no_new_privs back: it is not set");
    return {};
}

}  // namespace arca::privileges
