#include "cli/global_options.hpp"

#include <algorithm>
#include <array>

namespace arca::cli {

namespace {
std::string take_root(std::string& target, const std::string& path) {
    if (path.empty() || path.find_first_not_of('/') == std::string::npos)
        return "--root: the state directory must not be " + (path.empty() ? "empty" : path);
    target = path;
    return {};
}

std::string take_rootless(Tristate& target, const std::string& given) {
    using Spellings = std::initializer_list<std::string_view>;
    auto is_one_of = [&given](Spellings words) { return std::ranges::find(words, given) != words.end(); };
    if (is_one_of({"auto", ""}))
        target = Tristate::Auto;
    else if (is_one_of({"true", "1", "t", "T", "TRUE", "True", "yes"}))
        target = Tristate::Yes;
    else if (is_one_of({"false", "0", "f", "F", "FALSE", "False", "no"}))
        target = Tristate::No;
    else
        return "invalid value \"" + given + "\" for --rootless: must be true, false or auto";
    return {};
}

using namespace std::string_view_literals;
constexpr std::array kLogFormats = {std::pair{"text"sv, LogFormat::Text}, std::pair{"json"sv, LogFormat::Json}};
constexpr std::array kLogLevels = {std::pair{"error"sv, log::Level::Error}, std::pair{"warning"sv, log::Level::Warning},
                                   std::pair{"info"sv, log::Level::Info}, std::pair{"debug"sv, log::Level::Debug}};
constexpr std::array kCgroupManagers = {std::pair{"cgroupfs"sv, CgroupManager::Cgroupfs},
                                        std::pair{"systemd"sv, CgroupManager::Systemd},
                                        std::pair{"disabled"sv, CgroupManager::Disabled}};
}  // namespace

void declare_globals(DeclaredOptions& options, Globals& globals, GlobalSwitches& switches) {
    options.on_off("--debug", switches.debug, "log debug messages");
    // Its value is read before everything else, by scan_log_options.
    options.accepted("--log", "FILE", "append log lines to FILE, or to journald:NAME or syslog:NAME");
    options.choice<LogFormat>("--log-format", switches.log_format, kLogFormats, "form of the log lines");
    options.choice<log::Level>("--log-level", globals.log_level, kLogLevels, "least level that is logged");
    options.checked(
        "--root", "DIR", [&globals](const std::string& path) { return take_root(globals.root, path); },
        "directory of the containers' state");
    options.on_off("--systemd-cgroup", switches.systemd_cgroup, "let systemd make the cgroup");
    options.choice<CgroupManager>("--cgroup-manager", globals.cgroup_manager, kCgroupManagers, "who makes the cgroup");
    options.checked(
        "--rootless", "true|false|auto",
        [&globals](const std::string& given) { return take_rootless(globals.rootless, given); },
        "whether missing rights over cgroups are tolerated");
    options.accepted("--criu", "PATH", "accepted and ignored");
    options.value("--trace", "FILE", globals.trace, "append one JSON line to FILE for each step");
    options.on_off("-v,-V,--version", switches.version, "show the version");
}

}  // namespace arca::cli
