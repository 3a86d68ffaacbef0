// How a cgroup of v1 comes to be: the same path in every mounted hierarchy, ancestors included.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "cgroup/hierarchy.hpp"
#include "cgroup/inhabitants.hpp"
#include "cgroup/v1_group.hpp"
#include "cgroup/v1_resources.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
// cpusets.rst, 1.8: a cpuset begins without processors and memory nodes, and nothing can enter it then.
Result<> inherit_cpuset(sys::FdRef parent, sys::FdRef directory) {
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
        if (!text::trim(TRY(read_file(directory, file))).empty()) continue;
        TRY(sys::write_file_at(directory, file, TRY(read_file(parent, file))));
    }
    return {};
}

bool is_refusal(const Error& error) {
    return error.errnum() == EACCES || error.errnum() == EPERM || error.errnum() == EROFS;
}

const Write* first_for(const V1Place& place, const std::vector<Write>& writes) {
    const auto write =
        std::ranges::find_if(writes, [&](const Write& entry) { return has_controller({place}, entry.controller); });
    return write == writes.end() ? nullptr : &*write;
}

Error explain_refusal(Error error, const V1Place& place, sys::FdRef above, const Write* needed_by) {
    error = std::move(error).with(text::cat("making cgroup ", place.path, " in the hierarchy of ", place.controllers));
    if (!is_refusal(error)) return std::move(error).at("/linux/cgroupsPath");
    auto owner = sys::fstat(above);
    error = std::move(error).at(needed_by != nullptr ? needed_by->pointer : "/linux/cgroupsPath");
    if (!owner) return error;
    return std::move(error).hinting(text::cat("the cgroup above belongs to uid ", owner->st_uid, ", arca runs as uid ",
                                              ::geteuid(), "; who owns its directory in ", place.mount_point,
                                              " can make cgroups below it"));
}
}  // namespace

class V1Creation {
  public:
    explicit V1Creation(const Plan& plan) : plan_(plan) {
        group_.location_ = plan.location;
        group_.location_.v1.clear();
    }

    Result<V1Group> run() {
        auto made = make();
        if (made) return std::move(group_);
        undo();
        return fail(std::move(made.error()));
    }

  private:
    Result<> make() {
        TRY(make_unified());
        for (const auto& place : plan_.location.v1) {
            auto made = make_member(place);
            if (!made && is_dispensable(place, made.error())) continue;
            TRY(std::move(made));
        }
        if (group_.members_.empty() && !group_.unified_)
            return fail(Code::System, text::cat("no hierarchy allows a cgroup ", plan_.location.path), EACCES);
        return refuse_unsuitable();
    }

    bool is_dispensable(const V1Place& place, const Error& error) const {
        return plan_.best_effort && is_refusal(error) && first_for(place, plan_.writes) == nullptr;
    }

    // What v1 has no hierarchy for is the business of v2.
    Result<> make_unified() {
        if (plan_.location.mount_point.empty()) return {};
        auto plan = plan_;
        plan.location = {Kind::V2, plan_.location.mount_point, plan_.location.path};
        plan.delegate_to.reset();  // config-linux.md#cgroup-ownership speaks of v2 alone
        std::erase_if(plan.writes,
                      [&](const Write& write) { return has_controller(plan_.location.v1, write.controller); });
        auto made = V2Group::create(plan);
        if (!made && plan.best_effort && is_refusal(made.error()) && plan.writes.empty()) {
            group_.location_.mount_point.clear();
            return {};
        }
        group_.unified_ = TRY(std::move(made));
        if (group_.unified_->was_made_here()) group_.was_made_here_ = true;
        return {};
    }

    Result<> make_member(const V1Place& place) {
        auto current = TRY(open_mount(place.mount_point));
        const bool is_cpuset = has_controller({place}, "cpuset");
        for (std::size_t end = 0; end != std::string::npos;) {
            end = place.path.find('/', end + 1);
            const auto path = place.path.substr(0, end);
            auto next = TRY(make_one(place, current, path, end == std::string::npos));
            if (is_cpuset) TRY_CTX(inherit_cpuset(current, next), text::cat("cpuset of cgroup ", path));
            current = std::move(next);
        }
        group_.members_.push_back({place, std::move(current)});
        group_.location_.v1.push_back(place);
        return {};
    }

    Result<sys::Fd> make_one(const V1Place& place, sys::FdRef above, const std::string& path, bool is_leaf) {
        constexpr mode_t kMode = 0755;
        const auto name = std::string(name_of(path));
        auto made = sys::mkdirat(above, name, kMode);
        if (!made && made.error().errnum() != EEXIST)
            return fail(explain_refusal(std::move(made.error()), place, above, first_for(place, plan_.writes)));
        if (made) made_.push_back({place.mount_point, path});
        if (made && is_leaf) group_.was_made_here_ = true;
        return sys::openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    }

    Result<> refuse_unsuitable() {
        const auto inhabitants = TRY(group_.processes());
        if (!inhabitants.empty() && !plan_.shared)
            return fail(Error(Code::WrongState, text::cat("container's cgroup is not empty: ", plan_.location.path,
                                                          " holds ", describe(inhabitants)))
                            .at("/linux/cgroupsPath"));
        if (TRY(group_.is_frozen()))
            return fail(Error(Code::WrongState, text::cat("cgroup ", plan_.location.path, " is frozen"))
                            .at("/linux/cgroupsPath"));
        return {};
    }

    void undo() {
        for (auto entry = made_.rbegin(); entry != made_.rend(); ++entry)
            if (auto mount = open_mount(entry->mount_point))
                (void)sys::unlinkat(*mount, entry->path.substr(1), AT_REMOVEDIR);
        if (group_.unified_ && group_.unified_->was_made_here()) (void)group_.unified_->remove();
    }

    struct Made {
        std::string mount_point;
        std::string path;
    };
    const Plan& plan_;
    V1Group group_;
    std::vector<Made> made_;
};

Result<V1Group> V1Group::create(const Plan& plan) {
    return V1Creation(plan).run();
}

}  // namespace arca::cgroup
