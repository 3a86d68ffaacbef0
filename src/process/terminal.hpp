// Pseudo-terminals: made from the container's own devpts, handed to the engine, or proxied by a foreground run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "process/notify_socket.hpp"
#include "spec/types.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"
#include "sys/root_dir.hpp"

namespace arca::process {

struct Terminal {
    sys::Fd controller;  ///< the "master" side
    sys::Fd terminal;    ///< the "slave" side
    std::string name;    ///< "/dev/pts/0" as seen inside
};

/// Opens a new pair from `root`'s /dev/pts/ptmx: the ptmx node is checked to be a character device 5:2 on a devpts, the
/// other side comes from TIOCGPTPEER (never by its path: CVE-2025-52565). Sets the size, and the owner to uid if it
/// may.
Result<Terminal> open_terminal(const sys::RootDir& root, const std::optional<spec::ConsoleSize>& size,
                               std::uint32_t uid);
/// Binds the terminal on /dev/console of `root` (made when missing, never through a symlink).
Result<> bind_console(const sys::RootDir& root, const Terminal& terminal);
/// New session, controlling terminal, stdio.
Result<> become_terminal(const Terminal& terminal);

/// Connected descriptor of the console socket; opened before the mount namespace changes, so that the path is the
/// caller's. A path may be longer than sun_path holds.
Result<sys::Fd> connect_console_socket(const std::string& path);
/// Sends the controller (SCM_RIGHTS, the name as data).
Result<> send_controller(sys::FdRef console_socket, sys::FdRef controller, const std::string& name);

/// Size of the caller's terminal, if it has one on its stdio.
std::optional<spec::ConsoleSize> own_terminal_size();
/// Gives the container's terminal the size of ours, and "\n" instead of "\r\n" at the end of lines when our stdout is a
/// file or a pipe. For a foreground run, by the process that will be the program: it shall find it so.
void adapt_to_caller(sys::FdRef controller);
/// Foreground run: copies between the caller's stdio and the controller until the process ends, the caller's terminal
/// in raw mode (restored whatever happens), size changes passed on, other signals forwarded. Returns how the process
/// ended. Nobody here may hold the terminal side open by then.
Result<sys::ExitStatus> proxy_terminal(sys::Fd controller, sys::Child process, const NotifySocket* notify = nullptr);
/// The same without a terminal: the process has our stdio; signals are forwarded.
Result<sys::ExitStatus> wait_forwarding_signals(sys::Child process, const NotifySocket* notify = nullptr);
/// The one or the other: proxies when there is a controller. With `notify` the service manager hears of READY=1.
Result<sys::ExitStatus> stay_in_foreground(sys::Fd controller, sys::Child process,
                                           const NotifySocket* notify = nullptr);

}  // namespace arca::process
