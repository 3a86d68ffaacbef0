// Writing the maps, and looking round when that is refused.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.hpp"
#include "ids/explain.hpp"
#include "ids/helper.hpp"
#include "ids/id_maps.hpp"
#include "sys/syscalls.hpp"

namespace arca::ids {

namespace {
using Map = std::vector<spec::IdMapping>;

/// What differs between user ids and group ids.
struct Half {
    const Map& map;
    const char* file;          ///< of /proc/PID
    const char* helper;        ///< program
    const char* sub_ids_file;  ///< subuid(5), subgid(5)
    const char* pointer;
    std::uint32_t own_id;
    int capability;
    const char* capability_name;
};

Half user_half(const Plan& plan) {
    return {plan.uids,   "uid_map",  "newuidmap", "/etc/subuid", "/linux/uidMappings",
            ::geteuid(), CAP_SETUID, "CAP_SETUID"};
}
Half group_half(const Plan& plan) {
    return {plan.gids,   "gid_map",  "newgidmap", "/etc/subgid", "/linux/gidMappings",
            ::getegid(), CAP_SETGID, "CAP_SETGID"};
}

std::string own_map(const Half& half) {
    return sys::read_file(text::cat("/proc/self/", half.file)).value_or("");
}

std::string map_text(const Map& map) {
    std::string out;
    for (const auto& line : map)
        out += text::cat(line.container, " ", line.host, " ", line.size, "\n");
    return out;
}

// "CapEff:\t00000000a80425fb" of proc_pid_status(5).
bool has_capability(int capability) {
    const auto status = sys::read_file("/proc/self/status").value_or("");
    constexpr std::string_view kLabel = "CapEff:";
    const auto at = status.find(kLabel);
    if (at == std::string::npos) return true;
    const auto digits = text::trim(std::string_view(status).substr(at + kLabel.size(), 18));
    std::uint64_t bits = 0;
    auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    return problem != std::errc{} || (bits >> static_cast<unsigned>(capability) & 1U) != 0;
}

Error explain_direct(const Half& half, Error error) {
    error = std::move(error).at(half.pointer);
    if (error.errnum() != EPERM) return error;
    if (auto unmapped = explain_unmapped(half.map, own_map(half)); !unmapped.empty())
        return std::move(error).hinting(std::move(unmapped));
    if (!has_capability(half.capability))
        return std::move(error).hinting(text::cat("arca runs without ", half.capability_name));
    // user_namespaces(7), since Linux 5.12: else file capabilities could be forged for the outer root.
    const bool maps_root = half.capability == CAP_SETUID && to_host(half.map, 0) == 0U;
    if (maps_root && !has_capability(CAP_SETFCAP))
        return std::move(error).hinting("mapping uid 0 of the host takes CAP_SETFCAP");
    return error;
}

Result<> write_half(sys::FdRef process, const Half& half) {
    auto written = sys::write_file_at(process, half.file, map_text(half.map));
    if (!written)
        return fail(
            explain_direct(half, Error(Code::System, text::cat("write(", half.file, ")"), written.error().errnum())));
    return {};
}

/// /proc/PID, verified to be of a procfs: what is written here is written with our rights.
Result<sys::Fd> open_process(pid_t pid) {
    auto directory = TRY(sys::open(text::cat("/proc/", pid), O_PATH | O_DIRECTORY));
    if (TRY(sys::fstatfs(directory)).f_type != PROC_SUPER_MAGIC) return fail(Code::System, "/proc is not a procfs");
    return directory;
}

Result<> write_directly(const Plan& plan, pid_t pid) {
    const auto process = TRY(open_process(pid));
    TRY(write_half(process, user_half(plan)));
    // ORDER: before gid_map (user_namespaces(7)). Absent before Linux 3.19, where nothing was denied yet.
    if (plan.deny_setgroups) TRY(sys::write_file_at(process, "setgroups", "deny"));
    return write_half(process, group_half(plan));
}

HelperEvidence look_round(const std::string& helper, const Half& half) {
    struct stat status {};
    struct statvfs mount {};
    const bool is_known = ::stat(helper.c_str(), &status) == 0;
    const bool is_setuid = is_known && (status.st_mode & S_ISUID) != 0 && status.st_uid == 0;
    const bool has_file_capabilities = ::getxattr(helper.c_str(), "security.capability", nullptr, 0) > 0;
    return {.helper = helper,
            .has_rights = !is_known || is_setuid || has_file_capabilities,
            .is_on_nosuid_mount = ::statvfs(helper.c_str(), &mount) == 0 && (mount.f_flag & ST_NOSUID) != 0,
            .no_new_privileges = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
            .user = login_name(sys::read_file("/etc/passwd").value_or(""), ::getuid()),
            .uid = ::getuid(),
            .own_id = half.own_id,
            .sub_ids_file = half.sub_ids_file,
            .sub_ids = sys::read_file(half.sub_ids_file).value_or(""),
            .own_map = own_map(half),
            .map = half.map};
}

std::vector<std::string> helper_arguments(const Half& half, pid_t pid) {
    std::vector<std::string> arguments{half.helper, text::cat(pid)};
    for (const auto& line : half.map)
        for (auto number : {line.container, line.host, line.size})
            arguments.push_back(text::cat(number));
    return arguments;
}

Result<> write_by_helper(const Half& half, pid_t pid, const std::vector<std::string>& environment) {
    const auto helper = find_helper(half.helper, environment);
    if (helper.empty())
        return fail(Error(Code::Unsupported, text::cat("mapping more than the own id takes ", half.helper,
                                                       ", which is in no directory of PATH"))
                        .at(half.pointer));
    const auto outcome = TRY(run_helper(helper, helper_arguments(half, pid), environment));
    if (outcome.status.shell_code() == 0) return {};
    auto text = text::cat(helper, " ", outcome.status.describe());
    if (!outcome.said.empty()) text += text::cat(" and said \"", outcome.said, "\"");
    auto error = Error(Code::System, std::move(text)).at(half.pointer);
    auto reason = explain_helper(look_round(helper, half));
    return fail(reason.empty() ? std::move(error) : std::move(error).hinting(std::move(reason)));
}
}  // namespace

Result<> write_maps(const Plan& plan, pid_t pid, const std::vector<std::string>& environment) {
    if (!plan.new_user_namespace) return {};
    if (plan.writer == Writer::Direct) {
        TRY_CTX(write_directly(plan, pid), text::cat("mapping the ids of process ", pid));
        return {};
    }
    TRY_CTX(write_by_helper(user_half(plan), pid, environment), text::cat("mapping the user ids of process ", pid));
    TRY_CTX(write_by_helper(group_half(plan), pid, environment), text::cat("mapping the group ids of process ", pid));
    return {};
}

}  // namespace arca::ids
