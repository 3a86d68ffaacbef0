#include "cgroup/device_filter.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <span>

#include "cgroup/device_program.hpp"
#include "cgroup/v2_group.hpp"
#include "host/facts.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
Result<int> bpf(bpf_cmd command, bpf_attr& attributes, const char* what) {
    auto result = ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
    if (result < 0) return sys::last_error(text::cat("bpf(", what, ")"));
    return static_cast<int>(result);
}

Result<int> load(const std::vector<bpf_insn>& program, std::span<char> log) {
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.expected_attach_type = BPF_CGROUP_DEVICE;
    attributes.insns = reinterpret_cast<std::uintptr_t>(program.data());
    attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
    attributes.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    std::strncpy(attributes.prog_name, "arca_devices", sizeof attributes.prog_name - 1);
    if (!log.empty()) {
        attributes.log_level = 1;
        attributes.log_buf = reinterpret_cast<std::uintptr_t>(log.data());
        attributes.log_size = static_cast<std::uint32_t>(log.size());
    }
    return bpf(BPF_PROG_LOAD, attributes, "BPF_PROG_LOAD, CGROUP_DEVICE");
}

// What the kernel's verifier has to say, every instruction it looked at. It is asked only after a failure.
std::string verifier_log(const std::vector<bpf_insn>& program) {
    constexpr std::size_t kLogSize = 64U << 10U;
    std::vector<char> log(kLogSize);
    if (auto loaded = load(program, log)) return ::close(*loaded), "";
    return log.data();
}

// Its reason is in the last line but for the statistics.
std::string verdict_of(std::string_view log) {
    constexpr std::size_t kShown = 160;
    std::string_view verdict;
    for (auto line : text::split(log, '\n'))
        if (!line.empty() && !line.starts_with("processed ")) verdict = line;
    return text::printable(verdict.substr(0, kShown));
}

struct Attached {
    std::array<std::uint32_t, 64> ids{};
    std::uint32_t count = 0;
};

Result<Attached> query(sys::FdRef group) {
    Attached attached;
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<std::uint32_t>(group.number());
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.query.prog_ids = reinterpret_cast<std::uintptr_t>(attached.ids.data());
    attributes.query.prog_cnt = static_cast<std::uint32_t>(attached.ids.size());
    TRY(bpf(BPF_PROG_QUERY, attributes, "BPF_PROG_QUERY"));
    attached.count = attributes.query.prog_cnt;
    return attached;
}

Result<sys::Fd> open_program(std::uint32_t id) {
    bpf_attr attributes{};
    attributes.prog_id = id;
    return sys::Fd(TRY(bpf(BPF_PROG_GET_FD_BY_ID, attributes, "BPF_PROG_GET_FD_BY_ID")));
}

Result<> attach(sys::FdRef group, sys::FdRef program, std::uint32_t flags, sys::FdRef replaced) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(group.number());
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.number());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = flags;
    if (replaced) attributes.replace_bpf_fd = static_cast<std::uint32_t>(replaced.number());
    TRY(bpf(BPF_PROG_ATTACH, attributes, "BPF_PROG_ATTACH, CGROUP_DEVICE"));
    return {};
}

Result<> detach(sys::FdRef group, sys::FdRef program) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(group.number());
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.number());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    TRY(bpf(BPF_PROG_DETACH, attributes, "BPF_PROG_DETACH, CGROUP_DEVICE"));
    return {};
}

// Loading needs rights in the initial user namespace (bpf(2)). Without them nothing is lost: no device node that the
// host did not hand in can be opened from there.
bool is_tolerable(const Error& error) {
    return error.errnum() == EPERM && !host::in_initial_user_namespace().value_or(true);
}
}  // namespace

Result<sys::Fd> load_device_program(const std::vector<bpf_insn>& program) {
    auto loaded = load(program, {});
    if (loaded) return sys::Fd(*loaded);
    if (loaded.error().errnum() == EPERM) return fail(std::move(loaded.error()));
    auto log = verifier_log(program);
    const auto verdict = verdict_of(log);
    if (verdict.empty()) return fail(std::move(loaded.error()));
    return fail(std::move(loaded.error()).hinting(text::cat("the kernel says: ", verdict)).showing(std::move(log)));
}

Result<> attach_device_program(sys::FdRef group, sys::FdRef program) {
    return attach(group, program, BPF_F_ALLOW_MULTI, sys::FdRef());
}

Result<> exchange_device_program(sys::FdRef group, sys::FdRef program) {
    const auto before = TRY(query(group));
    if (before.count == 1)
        return attach(group, program, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, TRY(open_program(before.ids[0])));
    // ORDER: attach before detach. All programs must agree, so in between it is stricter than either, never laxer.
    TRY(attach_device_program(group, program));
    for (std::uint32_t i = 0; i < before.count; ++i)
        TRY(detach(group, TRY(open_program(before.ids[i]))));
    return {};
}

namespace {
using Installer = Result<> (*)(sys::FdRef group, sys::FdRef program);

Result<> install(sys::FdRef group, const Location& location, const std::vector<spec::DeviceRule>& rules,
                 Installer installer) {
    const auto frame = [&] { return text::cat("device filter of cgroup ", location.path); };
    auto program = load_device_program(TRY_CTX(device_program(rules), frame()));
    if (!program && is_tolerable(program.error())) return {};
    auto installed = installer(group, TRY_CTX(std::move(program), frame()));
    if (!installed && is_tolerable(installed.error())) return {};
    TRY_CTX(std::move(installed), frame());
    return {};
}
}  // namespace

Result<> V2Group::install_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return install(directory_, location_, rules, attach_device_program);
}

Result<> V2Group::replace_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return install(directory_, location_, rules, exchange_device_program);
}

}  // namespace arca::cgroup
