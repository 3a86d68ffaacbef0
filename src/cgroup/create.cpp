// How a cgroup comes to be: ancestors, controllers, the cgroup itself, a look at what was found there, its owner.
#include <fcntl.h>
#include <unistd.h>

#include "cgroup/controllers.hpp"
#include "cgroup/files.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/inhabitants.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
// config-linux.md#cgroup-ownership: the directory and the files that /sys/kernel/cgroup/delegate lists.
Result<> delegate(sys::FdRef group, std::uint32_t uid) {
    constexpr gid_t kUnchanged = static_cast<gid_t>(-1);
    constexpr const char* kSince410 = "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n";
    TRY(sys::fchown_path(group, uid, kUnchanged));
    const auto files = sys::read_file("/sys/kernel/cgroup/delegate").value_or(kSince410);
    for (auto name : text::split(files, '\n')) {
        if (name.empty()) continue;
        auto file = sys::openat(group, std::string(name), O_PATH | O_NOFOLLOW);
        if (!file && is_gone(file.error())) continue;  // of a controller that is not enabled here
        TRY_CTX(sys::fchown_path(TRY(std::move(file)), uid, kUnchanged), std::string(name));
    }
    return {};
}

// The process moves before controllers are handed on: a cgroup that has done so takes none itself (cgroups(7), "no
// internal processes").
Result<sys::Fd> settle_below(sys::FdRef scope, const std::string& name, pid_t pid) {
    constexpr mode_t kMode = 0755;
    TRY(sys::mkdirat(scope, name, kMode));
    auto below = TRY(open_beneath(scope, text::cat("/", name)));
    TRY(sys::write_file_at(below, "cgroup.procs", text::cat(pid)));
    enable_all_controllers(scope);
    return below;
}

class Creation {
  public:
    explicit Creation(const Plan& plan) : plan_(plan), path_(plan.location.path) {}

    Result<sys::Fd> run() {
        auto group = make();
        if (!group) undo();
        return group;
    }
    bool made_leaf() const { return made_leaf_; }

  private:
    Result<sys::Fd> make() {
        mount_ = TRY(open_mount(plan_.location.mount_point));
        TRY(make_ancestors());
        TRY(enable_controllers(mount_, parent_of(path_), controllers_needed(plan_.writes)));
        made_leaf_ = TRY(make_directory(path_));
        auto group = TRY(open_beneath(mount_, path_));
        TRY(refuse_unsuitable(group));
        if (plan_.delegate_to) TRY_CTX(delegate(group, *plan_.delegate_to), text::cat("handing over cgroup ", path_));
        return group;
    }

    // A cgroup that was made here for the sake of the path offers its children what it was offered itself.
    Result<> make_ancestors() {
        const auto parent = parent_of(path_);
        if (parent == "/" || open_beneath(mount_, parent)) return {};
        for (auto end = parent.find('/', 1);; end = parent.find('/', end + 1)) {
            const auto ancestor = parent.substr(0, end);
            if (TRY(make_directory(ancestor))) {
                made_ancestors_.push_back(ancestor);
                enable_all_controllers(TRY(open_beneath(mount_, ancestor)));
            }
            if (end == std::string_view::npos) return {};
        }
    }

    /// False when it is there already.
    Result<bool> make_directory(std::string_view path) {
        constexpr mode_t kMode = 0755;
        auto made = sys::mkdirat(mount_, std::string(path.substr(1)), kMode);
        if (made) return true;
        if (made.error().errnum() == EEXIST) return false;
        auto error = std::move(made.error()).with(text::cat("making cgroup ", path)).at("/linux/cgroupsPath");
        return fail(explain_refusal(std::move(error), path));
    }

    Error explain_refusal(Error error, std::string_view path) {
        if (error.errnum() != EACCES && error.errnum() != EPERM) return error;
        auto parent = sys::fstatat(mount_, text::cat(".", parent_of(path)), 0);
        if (!parent) return error;
        return std::move(error).hinting(text::cat("cgroup ", parent_of(path), " belongs to uid ", parent->st_uid,
                                                  ", arca runs as uid ", ::geteuid()));
    }

    // The events of a new cgroup tell of its ancestors too: below a frozen one it is born frozen, and whoever is put
    // into it would never run (runc#4481).
    Result<> refuse_unsuitable(sys::FdRef group) {
        const auto events = TRY_CTX(read_events(group), text::cat("cgroup ", path_));
        if (events.populated && !plan_.shared)
            return fail(Error(Code::WrongState, text::cat("container's cgroup is not empty: ", path_, " holds ",
                                                          describe_inhabitants(group)))
                            .at("/linux/cgroupsPath"));
        if (events.frozen)
            return fail(Error(Code::WrongState, text::cat("cgroup ", path_, " is frozen"))
                            .at("/linux/cgroupsPath")
                            .hinting(text::cat(find_frozen(mount_, path_), "/cgroup.freeze says 1")));
        return {};
    }

    void undo() {
        if (made_leaf_) (void)sys::unlinkat(mount_, path_.substr(1), AT_REMOVEDIR);
        for (auto ancestor = made_ancestors_.rbegin(); ancestor != made_ancestors_.rend(); ++ancestor)
            (void)sys::unlinkat(mount_, std::string(ancestor->substr(1)), AT_REMOVEDIR);
    }

    const Plan& plan_;
    const std::string& path_;
    sys::Fd mount_;
    std::vector<std::string_view> made_ancestors_;  ///< prefixes of path_
    bool made_leaf_ = false;
};
}  // namespace

Result<V2Group> V2Group::create(const Plan& plan) {
    Creation creation(plan);
    V2Group group;
    group.directory_ = TRY(creation.run());
    group.location_ = plan.location;
    group.was_made_here_ = creation.made_leaf();
    return group;
}

// Controllers that systemd does not know (hugetlb, rdma, misc) are enabled on top of those that it has delegated.
Result<V2Group> V2Group::adopt(const Plan& plan, const Location& location, pid_t pid) {
    auto mount = TRY(open_mount(location.mount_point));
    TRY(enable_controllers(mount, parent_of(location.path), controllers_needed(plan.writes)));
    auto group = TRY(open(location));
    group.was_made_here_ = true;
    const auto& subgroup = plan.scope->subgroup;
    sys::Fd below;
    if (!subgroup.empty())
        below = TRY_CTX(settle_below(group.directory_, subgroup, pid), text::cat("making sub-cgroup ", subgroup));
    // The limits are in the scope's files: whom they limit gets the sub-cgroup alone.
    const auto inhabited = below ? below.ref() : group.directory_.ref();
    if (plan.delegate_to)
        TRY_CTX(delegate(inhabited, *plan.delegate_to), text::cat("handing over cgroup ", location.path));
    return group;
}

}  // namespace arca::cgroup
