#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "mounts/execute.hpp"
#include "spec/report.hpp"

namespace arca::mounts {

namespace {

// sysctl.d(5): the first separator says which of the two is meant; when it is a dot, slashes stand for dots in names
// ("net.ipv4.conf.eth0/1.forwarding" is the interface eth0.1).
std::string path_of(std::string key) {
    const auto first = key.find_first_of("./");
    if (first == std::string::npos || key[first] == '/') return key;
    for (char& c : key)
        c = c == '.' ? '/' : c == '/' ? '.' : c;
    return key;
}

bool climbs(const std::string& path) {
    const auto parts = text::split(path, '/');
    return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

}  // namespace

Result<> write_sysctls(const sys::Procfs& procfs, const std::map<std::string, std::string>& sysctls) {
    for (const auto& [key, value] : sysctls) {
        const auto path = path_of(key);
        if (climbs(path))
            return fail(
                Error(Code::InvalidConfig, text::cat("sysctl ", text::printable(key), " leads out of /proc/sys"))
                    .at(spec::pointer_join("/linux/sysctl", key)));
        auto written = procfs.write("sys/" + path, value);
        if (written) continue;
        auto error = std::move(written.error())
                         .with(text::cat("setting the sysctl ", key))
                         .at(spec::pointer_join("/linux/sysctl", key));
        if (error.errnum() == ENOENT) error = std::move(error).hinting("the kernel has no parameter of that name here");
        return fail(std::move(error));
    }
    return {};
}

}  // namespace arca::mounts
