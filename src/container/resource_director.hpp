// Intel RDT in `update`: other schemata for the resctrl group of a container that lives, which is made for one that has
// none.
#pragma once

#include <string>
#include <vector>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "cgroup/cgroup.hpp"
#include "container/record.hpp"
#include "container/store.hpp"

namespace arca::container {

class ResourceDirectorChange {
  public:
    /// Looks at the host, changes nothing. Unsupported, in runc's words, where resctrl lacks what is asked for.
    static Result<ResourceDirectorChange> plan(const UpdateOptions& options);

    /// Changes the schemata. A group that is made is remembered in `record` first.
    Result<> carry_out(const Store& store, Record& record, const cgroup::Cgroup& processes);
    /// Puts back what carry_out changed, as far as resctrl lets it: for when a later part of the update was refused.
    Result<> undo(const Store& store, Record& record, const cgroup::Cgroup& processes);

  private:
    Result<> join(const Store& store, Record& record, const cgroup::Cgroup& processes);

    std::string mount_point_;
    rdt::Plan plan_;                   ///< no schemata: nothing is asked for
    std::vector<std::string> before_;  ///< the schemata of a group that was there
    enum class Done : std::uint8_t { Nothing, Changed, Joined } done_ = Done::Nothing;
};

}  // namespace arca::container
