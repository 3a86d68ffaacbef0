#include "sys/walk.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
constexpr int kMaximalLinks = 40;  // as path_resolution(7)
constexpr ino_t kProcRootInode = 1;

class Walk {
  public:
    Walk(FdRef start, std::uint64_t flags, std::uint64_t resolve) : start_(start), flags_(flags), resolve_(resolve) {}

    Result<Fd> run(const std::string& path) {
        path_ = path;
        TRY(put_before(path));
        while (!rest_.empty()) {
            const auto name = std::move(rest_.back());
            rest_.pop_back();
            if (name == "..")
                TRY(go_up());
            else if (!name.empty() && name != ".")
                if (auto found = TRY(go_down(name))) return found;
        }
        return openat(here(), ".", static_cast<int>(flags_) & ~O_NOFOLLOW);
    }

  private:
    FdRef here() const { return above_.empty() ? start_ : above_.back().ref(); }
    bool has(std::uint64_t bit) const { return (resolve_ & bit) != 0; }
    std::unexpected<Error> error(int errnum) const {
        return fail(Code::System, text::cat("open(", path_, ")"), errnum);
    }

    /// The components of `path` come next. An absolute one starts at the root.
    Result<> put_before(const std::string& path) {
        if (path.empty()) return error(ENOENT);
        if (path.starts_with('/')) {
            if (!has(RESOLVE_IN_ROOT)) return error(EXDEV);
            above_.clear();
        }
        const auto parts = text::split(path, '/');
        for (auto part = parts.rbegin(); part != parts.rend(); ++part)
            rest_.emplace_back(*part);
        return {};
    }

    Result<> go_up() {
        if (above_.empty() && !has(RESOLVE_IN_ROOT)) return error(EXDEV);
        if (!above_.empty()) above_.pop_back();
        return {};
    }

    /// The descriptor that was looked for, or none while the walk goes on.
    Result<Fd> go_down(const std::string& name) {
        auto node = TRY(openat(here(), name, O_PATH | O_NOFOLLOW));
        const auto status = TRY(fstat(node));
        const bool last = rest_.empty();
        if (S_ISLNK(status.st_mode))
            return last && (flags_ & O_NOFOLLOW) != 0 ? end_at_link(std::move(node)) : follow(node);
        if (has(RESOLVE_NO_XDEV)) TRY(stay_on_mount(node));
        if (last) return finish(name, std::move(node), status);
        if (!S_ISDIR(status.st_mode)) return error(ENOTDIR);
        above_.push_back(std::move(node));
        return Fd();
    }

    Result<Fd> end_at_link(Fd link) const {
        if ((flags_ & O_DIRECTORY) != 0) return error(ENOTDIR);
        if ((flags_ & O_PATH) == 0) return error(ELOOP);
        return link;
    }

    Result<Fd> follow(FdRef link) {
        if (has(RESOLVE_NO_SYMLINKS) || ++links_ > kMaximalLinks) return error(ELOOP);
        if (has(RESOLVE_NO_MAGICLINKS) && TRY(is_magic(link))) return error(ELOOP);
        TRY(put_before(TRY(readlinkat(link, ""))));
        return Fd();
    }

    // proc(5): of the links there, only those of the root directory (self, mounts, net) are plain ones.
    Result<bool> is_magic(FdRef link) const {
        if (TRY(fstatfs(link)).f_type != PROC_SUPER_MAGIC) return false;
        return TRY(fstat(here())).st_ino != kProcRootInode;
    }

    Result<> stay_on_mount(FdRef node) const {
        if (TRY(mount_id(node)) != TRY(mount_id(start_))) return error(EXDEV);
        return {};
    }

    static Result<std::uint64_t> mount_id(FdRef fd) {
        struct statx status {};
        if (::statx(fd.number(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0) return last_error("statx");
        if ((status.stx_mask & STATX_MNT_ID) == 0)
            return fail(Code::Unsupported, "neither openat2(2) nor the numbers of mounts (statx(2), since Linux 5.8)",
                        ENOSYS);
        return status.stx_mnt_id;
    }

    // Opened again by its name, which may be another's by now.
    Result<Fd> finish(const std::string& name, Fd node, const struct stat& status) const {
        if ((flags_ & O_DIRECTORY) != 0 && !S_ISDIR(status.st_mode)) return error(ENOTDIR);
        if ((flags_ & O_PATH) != 0) return node;
        auto opened = TRY(openat(here(), name, static_cast<int>(flags_) | O_NOFOLLOW));
        const auto found = TRY(fstat(opened));
        if (found.st_ino != status.st_ino || found.st_dev != status.st_dev) return error(EAGAIN);
        return opened;
    }

    FdRef start_;
    std::uint64_t flags_;
    std::uint64_t resolve_;
    std::string path_;
    std::vector<Fd> above_;          ///< from below the start to where the walk is
    std::vector<std::string> rest_;  ///< components to come, the next one last
    int links_ = 0;
};
}  // namespace

Result<Fd> walk(FdRef directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve) {
    return Walk(directory, flags, resolve).run(path);
}

}  // namespace arca::sys
