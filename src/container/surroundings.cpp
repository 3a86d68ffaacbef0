// What surrounds an operation: where state lives, the trace.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "process/environment.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
bool in_initial_user_namespace() {
    constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;  // PROC_USER_INIT_INO, include/linux/proc_ns.h
    auto status = sys::fstatat(sys::FdRef::working_directory(), "/proc/self/ns/user", 0);
    return !status || status->st_ino == kInitialUserNamespace;
}
}  // namespace

std::string default_root(const std::string& banner, const std::vector<std::string>& environment) {
    const auto runtime_directory = process::find(environment, "XDG_RUNTIME_DIR").value_or("");
    // Engines pass an empty value to mean none.
    if (runtime_directory.empty()) return "/run/" + banner;
    if (banner == "crun") return text::cat(runtime_directory, "/crun");
    const bool own_rights_only =
        ::geteuid() != 0 || (!in_initial_user_namespace() && process::find(environment, "USER").value_or("") != "root");
    return own_rights_only ? text::cat(runtime_directory, "/", banner) : "/run/" + banner;
}

Result<> trace_to(const std::string& path, std::string_view operation, std::string_view trace_parent) {
    auto fd = TRY_CTX(sys::open(path, O_WRONLY | O_CREAT | O_APPEND, 0644), "opening the trace file");
    // Far from the descriptors that a caller may ask us to pass on.
    constexpr int kFirstOwn = 100;
    const int moved = ::fcntl(fd.number(), F_DUPFD_CLOEXEC, kFirstOwn);
    progress::trace_to(moved >= 0 ? moved : fd.release(), operation, trace_parent);
    return {};
}

}  // namespace arca
