#include "container/launch/namespaces.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.hpp"
#include "spec/names.hpp"
#include "sys/syscalls.hpp"

namespace arca::container::launch {

namespace {
Result<> join(const JoinedNamespace& entry, sys::FdRef fd) {
    if (::setns(fd.number(), static_cast<int>(clone_flag(entry.type))) < 0) {
        auto error = sys::last_error(text::cat("joining the ", spec::name(entry.type), " namespace ", entry.path));
        return fail(std::move(error.error()).at(entry.pointer + "/path"));
    }
    return {};
}
}  // namespace

Result<std::vector<sys::Fd>> open_namespaces(const std::vector<JoinedNamespace>& joined) {
    std::vector<sys::Fd> descriptors;
    for (const auto& entry : joined) {
        auto fd = sys::open(entry.path, O_RDONLY);
        if (!fd)
            return fail(std::move(fd.error())
                            .with(text::cat("the ", spec::name(entry.type), " namespace"))
                            .at(entry.pointer + "/path"));
        const int type = ::ioctl(fd->number(), NS_GET_NSTYPE);
        if (type < 0 || static_cast<std::uint64_t>(type) != clone_flag(entry.type))
            return fail(
                Error(Code::InvalidConfig, text::cat(entry.path, " is no ", spec::name(entry.type), " namespace"))
                    .at(entry.pointer + "/path"));
        descriptors.push_back(std::move(*fd));
    }
    return descriptors;
}

Result<> join_namespaces(const std::vector<JoinedNamespace>& joined, const std::vector<sys::Fd>& descriptors) {
    std::vector<std::size_t> refused;
    std::optional<std::size_t> user;
    for (std::size_t i = 0; i < joined.size(); ++i) {
        if (joined[i].type == spec::NamespaceType::User) {
            user = i;
            continue;
        }
        auto result = join(joined[i], descriptors[i]);
        if (!result && result.error().errnum() != EPERM) return result;
        if (!result) refused.push_back(i);
    }
    if (user) {
        TRY(join(joined[*user], descriptors[*user]));
        TRY(become_root());
    }
    for (auto i : refused)
        TRY(join(joined[i], descriptors[i]));
    return {};
}

Result<> become_root() {
    // Without a mapping of 0 the ids stay as they are; the capabilities of the namespace are held all the same.
    if (::setresgid(0, 0, 0) < 0 && errno != EINVAL) return sys::last_error("setresgid(0)");
    if (::setresuid(0, 0, 0) < 0 && errno != EINVAL) return sys::last_error("setresuid(0)");
    return {};
}

}  // namespace arca::container::launch
