#include "sys/root_dir.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr int kMaximalLinks = 40;  // as path_resolution(7)

std::string absolute(std::string_view path) {
    return path.starts_with('/') ? std::string(path) : text::cat("/", path);
}

std::string_view without_trailing_slashes(std::string_view path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    return path;
}
}  // namespace

Result<RootDir> RootDir::open(const std::string& path) {
    auto fd = TRY(sys::open(path, O_PATH | O_DIRECTORY));
    return RootDir(std::move(fd), path);
}

Result<Fd> RootDir::open(std::string_view path, int flags) const {
    return openat2(directory_, absolute(path), static_cast<std::uint64_t>(flags), 0, kInRoot);
}

Result<Fd> RootDir::open_nofollow(std::string_view path, int flags) const {
    auto fd = TRY(openat2(directory_, absolute(without_trailing_slashes(path)),
                          static_cast<std::uint64_t>(flags) | O_NOFOLLOW, 0, kInRoot));
    if ((flags & (O_PATH | O_DIRECTORY)) == O_PATH &&
        S_ISLNK(TRY(fstat(fd)).st_mode))  // O_PATH|O_NOFOLLOW opens the link itself
        return fail(Code::System, text::cat("open(", path, "): is a symbolic link"), ELOOP);
    return fd;
}

// The usual case: only the last name is missing, and no link is in its place.
Result<Fd> RootDir::make_last_directory(const std::string& path, mode_t mode) const {
    const auto slash = path.rfind('/');
    const auto name = path.substr(slash + 1);
    if (name.empty() || name == "..") return fail(Code::System, text::cat("mkdir(", path, ")"), EINVAL);
    auto parent = TRY(open(path.substr(0, slash), O_PATH | O_DIRECTORY));
    TRY(mkdirat(parent, name, mode));
    return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

// Walks component by component, each by openat2 inside the root, so that a link met on the way is resolved by the
// kernel; only when a name is missing is it made, by mkdirat on the descriptor of its parent. The walk is always from
// the root: `done` may hold "..", which only the kernel may interpret.
Result<Fd> RootDir::make_directories(std::string_view path, mode_t mode) const {
    const auto whole = absolute(path);
    if (auto existing = open(whole, O_PATH | O_DIRECTORY)) return existing;
    if (auto made = make_last_directory(whole, mode)) return made;
    auto rest = whole;
    std::string done;
    int links = 0;
    auto current = TRY(open("/", O_PATH | O_DIRECTORY));
    while (!rest.empty()) {
        const auto slash = rest.find('/');
        const auto component = rest.substr(0, slash);
        rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
        if (component.empty() || component == ".") continue;
        const auto next = text::cat(done, "/", component);
        auto opened = open(next, O_PATH | O_DIRECTORY);
        if (!opened) {
            if (opened.error().errnum() != ENOENT) return opened;
            if (auto target = readlinkat(current, component)) {
                if (++links > kMaximalLinks) return fail(Code::System, text::cat("mkdir(", path, ")"), ELOOP);
                if (target->starts_with('/')) {
                    done.clear();
                    current = TRY(open("/", O_PATH | O_DIRECTORY));
                }
                rest = text::cat(*target, "/", rest);
                continue;
            }
            auto made = mkdirat(current, component, mode);
            if (!made && made.error().errnum() != EEXIST) return fail(std::move(made.error()));
            opened = open(next, O_PATH | O_DIRECTORY);
        }
        current = TRY(std::move(opened));
        done = next;
    }
    return current;
}

Result<RootDir::Parent> RootDir::make_parent(std::string_view path, mode_t mode) const {
    const auto whole = absolute(without_trailing_slashes(path));
    const auto slash = whole.rfind('/');
    auto last = whole.substr(slash + 1);
    if (last == "..") return fail(Code::System, text::cat(path, " ends in \"..\""), EINVAL);
    if (last.empty()) last = ".";
    return Parent{TRY(make_directories(slash == 0 ? "/" : whole.substr(0, slash), mode)), std::move(last)};
}

// A dangling link at the end is made where it points to, link by link, each looked up inside the root again.
Result<Fd> RootDir::make_file(std::string_view path, mode_t mode) const {
    auto wanted = absolute(without_trailing_slashes(path));
    for (int links = 0; links <= kMaximalLinks; ++links) {
        auto existing = openat2(directory_, wanted, O_PATH, 0, kInRoot);
        if (existing || existing.error().errnum() != ENOENT) return existing;
        auto parent = TRY(make_parent(wanted, 0755));
        if (auto target = readlinkat(parent.directory, parent.name)) {
            const auto above = target->starts_with('/') ? "" : text::cat(wanted.substr(0, wanted.rfind('/')), "/");
            wanted = text::cat(above, without_trailing_slashes(*target));
            continue;
        }
        auto made = openat(parent.directory, parent.name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (!made && made.error().errnum() != EEXIST) return made;
    }
    return fail(Code::System, text::cat("creating ", path), ELOOP);
}

}  // namespace arca::sys
