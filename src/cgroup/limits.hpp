// Writing limits, and saying why one was refused.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cgroup/resources.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

using DirectoryFor = std::function<sys::FdRef(const Write&)>;

/// Each to its file in the directory that is the one for it.
Result<> apply_writes(const std::vector<Write>& writes, const DirectoryFor& directory_for);

/// What files were before they were written.
class Snapshot {
  public:
    /// Before `value` is written to `file`.
    void take(sys::FdRef directory, const std::string& file, std::string_view value);
    /// Last first: where two files are valid only together, each step back is a state that was there. All are tried;
    /// the error is that of the first which fails.
    Result<> restore() const;

  private:
    struct Before {
        sys::FdRef directory;
        std::string file;
        std::string value;
    };
    std::vector<Before> before_;
};

/// The same for limits that are in force: when one is refused, those written before it are put back. The result is good
/// as long as the directories are open.
Result<Snapshot> update_writes(const std::vector<Write>& writes, const DirectoryFor& directory_for);

}  // namespace arca::cgroup
