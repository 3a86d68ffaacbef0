// The options of checkpoint and restore.
#include <array>
#include <utility>

#include "cli/command_options.hpp"

namespace arca::cli {

namespace {
using namespace std::string_view_literals;

constexpr std::array kCgroupModes = {
    std::pair{"soft"sv, CgroupRestoring::Soft}, std::pair{"full"sv, CgroupRestoring::Full},
    std::pair{"strict"sv, CgroupRestoring::Strict}, std::pair{"ignore"sv, CgroupRestoring::Ignore}};
constexpr std::array kNetworkLocks = {std::pair{"iptables"sv, NetworkLock::Iptables},
                                      std::pair{"nftables"sv, NetworkLock::Nftables},
                                      std::pair{"skip"sv, NetworkLock::Skip}};

void empty_namespace(DeclaredOptions& options, ImageOptions& o) {
    auto take = [&o](const std::string& given) -> std::string {
        if (given != "network") return "invalid value \"" + given + "\" for --empty-ns: only network can be left empty";
        o.empty_network = true;
        return {};
    };
    options.checked("--empty-ns", "network", take, "leave the content of that namespace out");
}

void declare_image(DeclaredOptions& options, ImageOptions& o) {
    options.value("--image-path", "DIR", o.image_path, "directory of the images (default: checkpoint)");
    options.value("--work-path", "DIR", o.work_path, "directory of CRIU's log (default: that of the images)");
    options.on_off("--tcp-established", o.tcp_established, "keep open TCP connections");
    options.on_off("--ext-unix-sk", o.external_unix_sockets, "keep unix sockets whose other end is outside");
    options.on_off("--shell-job", o.shell_job, "allow a terminal that is the caller's");
    options.on_off("--file-locks", o.file_locks, "keep file locks");
    options.on_off("--link-remap", o.link_remap, "keep open files that have no name any more by linking them");
    options.on_off("--auto-dedup", o.auto_dedup, "free the space of memory that a later image replaces");
    options.on_off("--lazy-pages", o.lazy_pages, "leave memory where it is until it is needed");
    options.choice<CgroupRestoring>("--manage-cgroups-mode", o.cgroups, kCgroupModes,
                                    "what CRIU does about cgroups below the container's");
    empty_namespace(options, o);
    options.choice<NetworkLock>("--network-lock", o.network_lock, kNetworkLocks, "how packets are kept away meanwhile");
}
}  // namespace

void declare(DeclaredOptions& options, Checkpoint& c) {
    auto& o = c.options;
    declare_image(options, o.image);
    options.value("--parent-path", "DIR", o.parent_path, "images of an earlier pre-dump, relative to those made now");
    options.on_off("--leave-running", o.leave_running, "let the container go on");
    options.on_off("--pre-dump", o.pre_dump, "write only memory, and let the container go on");
    options.on_off("--tcp-skip-in-flight", o.tcp_skip_in_flight, "leave out connections that are being made");
    options.value("--page-server", "ADDRESS:PORT", o.page_server, "send memory there");
    options.value("--status-fd", "N", o.status_fd, "descriptor that gets a null byte when lazy pages can be fetched");
}
void take_words(Checkpoint& c, Words& words) {
    c.options.id = words[0];
}

void declare(DeclaredOptions& options, Restore& c) {
    auto& o = c.options;
    declare_image(options, o.image);
    options.value("-b,--bundle", "DIR", o.bundle, "directory of the bundle (default: the current one)");
    options.value("--console-socket", "PATH", o.console_socket, "unix socket that receives the terminal");
    options.value("--pid-file", "FILE", o.pid_file, "file that receives the process id");
    options.on_off("-d,--detach", o.detach, "return as soon as the processes are restored");
    options.on_off("--no-subreaper", o.no_subreaper, "do not adopt orphans of the container");
    options.on_off("--no-pivot", o.no_pivot, "refused: CRIU has no other way");
    options.on_off("--tcp-close", o.tcp_close, "restore open TCP connections as closed ones");
    options.value("--lsm-profile", "TYPE:NAME", o.lsm_profile, "AppArmor profile or SELinux label of the processes");
    options.value("--lsm-mount-context", "CONTEXT", o.lsm_mount_context, "SELinux context of the mounts");
}
void take_words(Restore& c, Words& words) {
    c.options.id = words[0];
}

}  // namespace arca::cli
