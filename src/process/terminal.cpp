#include "process/terminal.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
// The only name looked up below a directory that is known to be on a devpts, without links and without leaving it, can
// but be the ptmx of that devpts, whatever the container's image or a racing process puts on the way to it.
Result<sys::Fd> open_ptmx(const sys::RootDir& root) {
    auto directory = TRY_CTX(root.open("/dev/pts", O_PATH | O_DIRECTORY), "terminal");
    if (TRY(sys::fstatfs(directory)).f_type != DEVPTS_SUPER_MAGIC)
        return fail(Error(Code::InvalidConfig, "a terminal is wanted, but /dev/pts of the container is not a devpts")
                        .at("/process/terminal"));
    auto ptmx = TRY_CTX(sys::openat2(directory, "ptmx", O_RDWR | O_NOCTTY, 0,
                                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV),
                        "terminal: /dev/pts");
    const auto status = TRY(sys::fstat(ptmx));
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
        return fail(Code::System, "/dev/pts/ptmx is not the device 5:2");
    return ptmx;
}

Result<> set_size(sys::FdRef terminal, const spec::ConsoleSize& size) {
    winsize window{};
    window.ws_row = size.height;
    window.ws_col = size.width;
    if (::ioctl(terminal.number(), TIOCSWINSZ, &window) < 0)
        return sys::last_error(text::cat("ioctl(TIOCSWINSZ, ", size.height, "x", size.width, ")"));
    return {};
}

// In a user namespace the owner that devpts gave may be all there is.
Result<> give_to(sys::FdRef terminal, std::uint32_t uid) {
    auto done = sys::fchown(terminal, uid, static_cast<gid_t>(-1));
    if (done || done.error().errnum() == EPERM || done.error().errnum() == EINVAL) return {};
    return fail(std::move(done.error()).with("terminal"));
}

// Never through a link that the image may hold: what is made or found is exactly the name "console".
Result<sys::Fd> open_console_file(const sys::RootDir& root) {
    constexpr mode_t kMode = 0600;
    auto parent = TRY(root.make_parent("/dev/console", 0755));
    auto made = sys::openat(parent.directory, parent.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kMode);
    if (!made && made.error().errnum() != EEXIST) return made;
    auto file = TRY(sys::openat(parent.directory, parent.name, O_PATH | O_NOFOLLOW));
    if (S_ISLNK(TRY(sys::fstat(file)).st_mode))
        return fail(Code::InvalidConfig, "/dev/console of the container is a symbolic link", ELOOP);
    return file;
}
}  // namespace

Result<Terminal> open_terminal(const sys::RootDir& root, const std::optional<spec::ConsoleSize>& size,
                               std::uint32_t uid) {
    Terminal pair;
    pair.controller = TRY(open_ptmx(root));
    const int unlocked = 0;
    if (::ioctl(pair.controller.number(), TIOCSPTLCK, &unlocked) < 0) return sys::last_error("ioctl(TIOCSPTLCK)");
    unsigned number = 0;
    if (::ioctl(pair.controller.number(), TIOCGPTN, &number) < 0) return sys::last_error("ioctl(TIOCGPTN)");
    pair.name = text::cat("/dev/pts/", number);
    const int terminal = ::ioctl(pair.controller.number(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) return sys::last_error("ioctl(TIOCGPTPEER)");
    pair.terminal = sys::Fd(terminal);
    if (size) TRY(set_size(pair.terminal, *size));
    TRY(give_to(pair.terminal, uid));
    return pair;
}

Result<> bind_console(const sys::RootDir& root, const Terminal& terminal) {
    auto file = TRY_CTX(open_console_file(root), "console");
    auto tree = TRY_CTX(sys::open_tree(terminal.terminal, "", OPEN_TREE_CLONE | AT_EMPTY_PATH), "console");
    TRY_CTX(sys::move_mount(tree, file), "binding the terminal on /dev/console");
    return {};
}

Result<> become_terminal(const Terminal& terminal) {
    if (::setsid() < 0 && ::getsid(0) != ::getpid()) return sys::last_error("setsid");
    const int fd = terminal.terminal.number();
    if (::ioctl(fd, TIOCSCTTY, 0) < 0) return sys::last_error("ioctl(TIOCSCTTY)");
    for (int stdio = STDIN_FILENO; stdio <= STDERR_FILENO; ++stdio)
        if (::dup2(fd, stdio) < 0) return sys::last_error(text::cat("dup2(terminal, ", stdio, ")"));
    return {};
}

}  // namespace arca::process
