#include "process/environment.hpp"

#include <fcntl.h>

#include <climits>
#include <unordered_map>

#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
constexpr std::size_t kMaximalPasswd = 16U << 20U;

std::string_view name_of(std::string_view entry) {
    return entry.substr(0, entry.find('='));
}

Result<std::string> read_passwd(const sys::RootDir& root) {
    // O_NONBLOCK: the container may have put a fifo there, which would keep us waiting for a writer.
    auto file = TRY(root.open("/etc/passwd", O_RDONLY | O_NOCTTY | O_NONBLOCK));
    if (!S_ISREG(TRY(sys::fstat(file)).st_mode)) return fail(Code::System, "/etc/passwd is not a regular file");
    return sys::read_all(file, kMaximalPasswd);
}
}  // namespace

std::vector<std::string> without_duplicates(const std::vector<std::string>& environment) {
    std::unordered_map<std::string_view, std::size_t> place;
    place.reserve(environment.size());
    std::vector<std::string> out;
    out.reserve(environment.size());
    for (const auto& entry : environment) {
        auto [known, is_new] = place.try_emplace(name_of(entry), out.size());
        if (is_new)
            out.push_back(entry);
        else
            out[known->second] = entry;
    }
    return out;
}

std::optional<std::string_view> find(const std::vector<std::string>& environment, std::string_view name) {
    for (auto entry = environment.rbegin(); entry != environment.rend(); ++entry) {
        std::string_view text(*entry);
        if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name))
            return text.substr(name.size() + 1);
    }
    return std::nullopt;
}

// passwd(5): name:password:uid:gid:gecos:directory:shell.
std::string home_directory(const sys::RootDir& root, std::uint32_t uid) {
    constexpr std::size_t kUid = 2;
    constexpr std::size_t kHome = 5;
    auto content = read_passwd(root);
    if (!content) return "/";
    for (auto line : text::split(*content, '\n')) {
        auto fields = text::split(line, ':');
        if (fields.size() <= kHome || text::to_uint(fields[kUid]) != uid) continue;
        return fields[kHome].empty() ? "/" : std::string(fields[kHome]);
    }
    return "/";
}

unsigned listen_descriptors(const std::vector<std::string>& caller_environment, int own_pid) {
    auto pid = find(caller_environment, "LISTEN_PID");
    auto count = find(caller_environment, "LISTEN_FDS");
    if (!pid || !count || own_pid <= 0 || text::to_int(*pid) != own_pid) return 0;
    auto value = text::to_uint(*count);
    return value && *value <= INT_MAX ? static_cast<unsigned>(*value) : 0;
}

}  // namespace arca::process
