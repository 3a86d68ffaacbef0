#include "container/launch/program.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/launch/protocol.hpp"
#include "privileges/capabilities.hpp"
#include "privileges/lsm.hpp"
#include "process/attributes.hpp"
#include "process/descriptors.hpp"
#include "process/environment.hpp"
#include "process/executable.hpp"
#include "sys/courier.hpp"
#include "sys/syscalls.hpp"

namespace arca::container::launch {

namespace {
constexpr std::uint64_t kSysAdmin = std::uint64_t{1} << CAP_SYS_ADMIN;
constexpr mode_t kDefaultUmask = 0022;  // what runc and crun set and images have come to expect

// Without CAP_SYS_ADMIN the kernel refuses the filter later, in its own words.
Result<privileges::CapabilitySets> with_sys_admin(privileges::CapabilitySets sets) {
    const auto available = TRY(privileges::current_sets()).permitted & kSysAdmin;
    sets.effective |= available;
    sets.permitted |= available;
    return sets;
}

// CVE-2024-21626: a working directory that was reached through a leaked descriptor lies outside of the root; the kernel
// then answers with a path that does not begin with "/" (getcwd(3): "(unreachable)").
Result<> verify_working_directory(const std::string& wanted) {
    std::array<char, 4097> buffer{};
    if (::syscall(SYS_getcwd, buffer.data(), buffer.size()) < 0) return sys::last_error("getcwd");
    if (buffer[0] != '/')
        return fail(Error(Code::InvalidConfig, text::cat("the working directory ", wanted, " lies outside of the root"))
                        .at("/process/cwd"));
    return {};
}

Result<> enter_working_directory(const std::string& cwd) {
    auto entered = sys::chdir(cwd);
    if (!entered) return fail(std::move(entered.error()).at("/process/cwd"));
    return verify_working_directory(cwd);
}

// What execve will most likely fail with. The filter has the first word.
std::optional<Error> foresee_failure(const std::string& path, char* const* argv, char* const* envp,
                                     const seccomp::Program& filter) {
    const std::array arguments = {std::bit_cast<std::uint64_t>(path.c_str()), std::bit_cast<std::uint64_t>(argv),
                                  std::bit_cast<std::uint64_t>(envp)};
    const auto refusal = seccomp::errno_for(filter, SYS_execve, arguments);
    if (!refusal) return process::foresee_exec_failure(path);
    auto error = process::describe_exec_failure(path, *refusal).at("/linux/seccomp");
    return std::move(error).hinting(
        text::cat("the container's own filter answers execve(2) with ", errno_name(*refusal)));
}

// Why execve failed. After a filter is loaded nothing can be looked at: what was foreseen has to do.
Error exec_error(const std::string& path, int errnum, const std::optional<seccomp::Program>& filter,
                 std::optional<Error>& foreseen) {
    if (!filter) return process::explain_exec_failure(path, errnum);
    auto described = process::describe_exec_failure(path, errnum);
    if (foreseen && foreseen->what() == described.what() && foreseen->errnum() == described.errnum())
        return std::move(*foreseen);
    return described;
}

[[noreturn]] void give_up(const sys::Channel& starter, const Error& error) noexcept {
    send_failure(starter, error);
    ::_exit(1);
}
}  // namespace

Result<> set_attributes(const ProcessPlan& process, const sys::Procfs& procfs) {
    process::reset_affinity();
    if (process.memory_policy) TRY(process::set_memory_policy(*process.memory_policy));
    if (process.scheduler) TRY(process::set_scheduler(*process.scheduler));
    if (process.io_priority) TRY(process::set_io_priority(*process.io_priority));
    if (process.personality) TRY(process::set_personality(*process.personality));
    TRY(process::set_rlimits(process.rlimits));
    if (!process.apparmor_profile.empty() || !process.selinux_label.empty())
        TRY(privileges::set_exec_labels(procfs, process.apparmor_profile, process.selinux_label));
    return {};
}

Result<> give_controller(const process::Terminal& terminal, sys::Fd& console_socket, const sys::Channel& parent) {
    if (!console_socket) {
        process::adapt_to_caller(terminal.controller);  // our stdio is still the caller's
        const std::array descriptors = {terminal.controller.ref()};
        return send(parent, Kind::Terminal, 0, terminal.name, descriptors);
    }
    TRY(process::send_controller(console_socket, terminal.controller, terminal.name));
    console_socket.reset();
    return {};
}

Result<> hand_over_terminal(const process::Terminal& terminal, sys::Fd& console_socket, const sys::Channel& parent) {
    TRY(give_controller(terminal, console_socket, parent));
    return process::become_terminal(terminal);
}

FilterNeeds filter_needs(const ProcessPlan& process) {
    return !process.no_new_privileges ? FilterNeeds::SysAdmin : FilterNeeds::Nothing;
}

Result<> restrict_capabilities(ProcessPlan& process, const sys::Channel& listener) {
    std::vector<spec::Note> notes;
    process.capabilities =
        privileges::restrict_to_available(process.capabilities, TRY(privileges::current_sets()), notes);
    for (const auto& note : notes)
        TRY(send(listener, Kind::Warning, 0, text::cat(note.pointer, ": ", note.text)));
    return {};
}

Result<> make_working_directory(const sys::RootDir& root, const ProcessPlan& process) {
    constexpr mode_t kMode = 0755;
    auto made = root.make_directories(process.cwd, kMode);
    // Not a directory, or not to be made here: chdir will say so in its own words.
    if (!made && made.error().errnum() != EROFS && made.error().errnum() != ENOTDIR &&
        made.error().errnum() != EACCES && made.error().errnum() != ELOOP)
        return fail(std::move(made.error()).at("/process/cwd"));
    return {};
}

void complete_environment(ProcessPlan& process, const sys::RootDir& root) {
    auto home = process::find(process.env, "HOME");
    if (home && !home->empty()) return;
    std::erase_if(process.env, [](const std::string& entry) { return entry.starts_with("HOME="); });
    process.env.push_back("HOME=" + process::home_directory(root, process.user.uid));
}

// ORDER: the working directory is entered with the rights of root, ids are taken, then it is entered again, so that a
// directory only root can reach works and one that leads outside is caught. The bounding set goes first, while
// CAP_SETPCAP is held; no_new_privs goes last, it hinders nothing that comes before.
Result<> take_identity(const ProcessPlan& process, FilterNeeds needs) {
    const auto at_first = ::chdir(process.cwd.c_str());
    ::umask(process.user.umask.value_or(kDefaultUmask));
    const auto sets = needs == FilterNeeds::SysAdmin ? TRY(with_sys_admin(process.capabilities)) : process.capabilities;
    TRY(privileges::drop_bounding(process.capabilities));
    TRY(privileges::keep_capabilities_over_setuid());
    TRY(privileges::set_identity(
        {process.user.uid, process.user.gid, process.call_setgroups ? &process.user.additional_gids : nullptr}));
    TRY(privileges::apply(sets));
    TRY(privileges::verify(sets));
    if (at_first < 0)
        TRY(enter_working_directory(process.cwd));
    else
        TRY(verify_working_directory(process.cwd));
    if (process.no_new_privileges) {
        TRY(privileges::set_no_new_privileges());
        TRY(privileges::verify_no_new_privileges());
    }
    return {};
}

namespace {
// The listener of a filter that notifies leaves by a courier: whatever this thread called could be held up by the
// filter, and nobody would answer.
void load_filter(const ProcessPlan& process, const seccomp::Program& filter, const sys::Channel& starter) noexcept {
    std::optional<sys::Courier> courier;
    if (seccomp::notifies(filter)) {
        auto set_out = sys::Courier::set_out(starter, encode(Kind::Listener));
        if (!set_out) give_up(starter, set_out.error());
        courier.emplace(std::move(*set_out));
    }
    const auto loaded = seccomp::load(filter);
    if (loaded.errnum != 0)
        give_up(starter, Error(Code::System, "loading the seccomp filter", loaded.errnum).at("/linux/seccomp"));
    if (courier && courier->deliver(loaded.listener) != 0) ::_exit(1);  // the starter is gone
    if (filter_needs(process) == FilterNeeds::SysAdmin)
        if (const int errnum = privileges::lower(process.capabilities); errnum != 0)
            give_up(starter, Error(Code::System, "capset after the seccomp filter", errnum).at("/linux/seccomp"));
}
}  // namespace

// Zone C: after the filter is loaded only these are called: capset (without no_new_privs), write, execve, exit_group.
// Profiles must allow them; everything they need is prepared before.
void execute(const ProcessPlan& process, const std::string& path, const std::optional<seccomp::Program>& filter,
             const sys::Channel& starter) noexcept {
    const auto argv = sys::null_terminated(process.args);
    const auto envp = sys::null_terminated(process.env);
    process::reset_signals();
    if (auto kept = process::keep_first(process.preserved_descriptors); !kept) give_up(starter, kept.error());
    progress::enter(Step::LoadFilter);
    std::optional<Error> foreseen;
    if (filter) {
        foreseen = foresee_failure(path, argv.data(), envp.data(), *filter);
        load_filter(process, *filter, starter);
    }
    progress::enter(Step::Exec);
    if (auto said = say(starter, Kind::Executing); !said) ::_exit(1);
    errno = 0;  // a filter may claim success
    ::execve(path.c_str(), argv.data(), envp.data());
    const int errnum = errno;
    give_up(starter, exec_error(path, errnum, filter, foreseen));
}

}  // namespace arca::container::launch
