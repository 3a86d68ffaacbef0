// checkpoint: the processes of a container become files. What is looked at here, from outside, is what CRIU cannot find
// out by itself: which mounts, namespaces and descriptors of the container are the host's.
#include "arca/checkpoint.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/checkpoint_plan.hpp"
#include "container/criu_images.hpp"
#include "container/destroy.hpp"
#include "container/prepare.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "process/notify_socket.hpp"
#include "sys/root_dir.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

struct Target {
    Store store;
    Record record;
    sys::Pidfd init;
};

Result<> check_status(Status status) {
    if (status == Status::Running || status == Status::Paused) return {};
    if (status == Status::Stopped) return fail(Code::NotRunning, "cannot checkpoint a stopped container");
    return fail(Code::WrongState, text::cat("cannot checkpoint a container that is ", name(status)));
}

Result<Target> find_target(const Runtime& runtime, const std::string& id) {
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Exclusive));
    auto record = TRY(store.read());
    auto [status, init] = TRY(presence_of(record));
    TRY(check_status(status));
    TRY(check_restorable(record));
    return Target{std::move(store), std::move(record), std::move(*init)};
}

// They are in no configuration from which a restore could learn what they were.
Result<> refuse_added_mounts(const Runtime& runtime, const std::string& id) {
    const auto added = list_mounts(runtime, id);
    if (!added || added->empty()) return {};
    return fail(Code::Unsupported, text::cat("a mount was added to the running container at ",
                                             added->front().destination, ": remove it before the checkpoint"));
}

// ---- mounts ---------------------------------------------------------------------------------------------------------

mounts::Input mounts_input(const Record& record) {
    mounts::Input input;
    input.rootfs = record.rootfs;
    input.bundle = record.bundle;
    input.new_user_namespace = (record.namespaces & CLONE_NEWUSER) != 0;
    input.private_cgroup_namespace = (record.namespaces & CLONE_NEWCGROUP) != 0;
    input.new_network_namespace = (record.namespaces & CLONE_NEWNET) != 0;
    return input;
}

Result<std::vector<ExternalMount>> mounts_of_host(const Target& target, const spec::Config& config) {
    std::vector<spec::Note> notes;
    auto external = TRY(external_mounts(TRY(mounts::plan(config, mounts_input(target.record), notes))));
    if (sys::fstatat(target.store.directory(), kNotifyName, 0))
        external.push_back({process::kNotifyDirectory, process::kNotifyDirectory});
    return external;
}

// A configured destination may lead over symbolic links of the image; CRIU knows mounts by where they are.
Result<std::string> place_inside(const sys::RootDir& root, const std::string& destination) {
    const auto place = TRY(root.open(destination, O_PATH));
    return sys::readlinkat(sys::FdRef::working_directory(), sys::fd_path(place));
}

Result<std::vector<std::pair<std::string, std::string>>> find_mount_points(const Target& target,
                                                                           const spec::Config& config) {
    std::vector<std::pair<std::string, std::string>> found;
    if ((target.record.namespaces & CLONE_NEWNS) == 0) return found;
    const auto root = TRY(sys::RootDir::open(text::cat("/proc/", target.init.pid(), "/root")));
    for (const auto& mount : TRY(mounts_of_host(target, config)))
        found.emplace_back(mount.destination,
                           TRY_CTX(place_inside(root, mount.destination), "looking for the container's mounts"));
    return found;
}

// ---- descriptors ----------------------------------------------------------------------------------------------------

std::string_view field_of(std::string_view text, std::string_view name) {
    for (auto line : text::split(text, '\n'))
        if (line.starts_with(name)) return text::trim(line.substr(name.size()));
    return {};
}

bool has_mount(std::string_view mountinfo, std::string_view mount_id) {
    return std::ranges::any_of(text::split(mountinfo, '\n'), [mount_id](std::string_view line) {
        return text::split(line, ' ').front() == mount_id;
    });
}

std::string bare_hex(std::uint64_t number) {
    return text::hex(number).substr(std::string_view("0x").size());
}

/// The name that CRIU gives to what was opened outside of the container.
std::string outside_name(const struct stat& status, std::uint64_t mount_id) {
    constexpr unsigned kFirstPtsMajor = 136;
    constexpr unsigned kLastPtsMajor = 143;
    const auto kind = major(status.st_rdev);
    if (S_ISCHR(status.st_mode) && kind >= kFirstPtsMajor && kind <= kLastPtsMajor)
        return text::cat("tty[", bare_hex(status.st_rdev), ":", bare_hex(status.st_dev), "]");
    return text::cat("file[", bare_hex(mount_id), ":", bare_hex(status.st_ino), "]");
}

Result<StdioEntry> look_at_descriptor(const std::string& process, int number, std::string_view mountinfo) {
    const auto path = text::cat(process, "/fd/", number);
    auto link = sys::readlinkat(sys::FdRef::working_directory(), path);
    if (!link && link.error().errnum() == ENOENT) return StdioEntry{};
    auto target = TRY(std::move(link));
    if (target.starts_with("pipe:[")) return StdioEntry{std::move(target), StdioEntry::Kind::Pipe};
    if (!target.starts_with('/')) return StdioEntry{std::move(target), StdioEntry::Kind::Inside};
    const auto info = TRY(sys::read_file(text::cat(process, "/fdinfo/", number)));
    const auto mount_id = field_of(info, "mnt_id:");
    if (has_mount(mountinfo, mount_id)) return StdioEntry{std::move(target), StdioEntry::Kind::Inside};
    const auto status = TRY(sys::fstatat(sys::FdRef::working_directory(), path, 0));
    return StdioEntry{outside_name(status, text::to_uint(mount_id).value_or(0)), StdioEntry::Kind::Outside};
}

Result<Stdio> look_at_stdio(const sys::Pidfd& init) {
    const auto process = text::cat("/proc/", init.pid());
    const auto mountinfo = TRY(sys::read_file(process + "/mountinfo"));
    Stdio stdio;
    for (int number = 0; number < static_cast<int>(stdio.size()); ++number)
        stdio[static_cast<std::size_t>(number)] = TRY(look_at_descriptor(process, number, mountinfo));
    return stdio;
}

// ---- namespaces -----------------------------------------------------------------------------------------------------

Result<std::uint64_t> inode_if_joined(const spec::Config& config, spec::NamespaceType type, const Target& target,
                                      std::string_view file) {
    const auto* entry = spec::find_namespace(config, type);
    if (entry == nullptr || entry->path.empty()) return 0;
    const auto path = text::cat("/proc/", target.init.pid(), "/ns/", file);
    return TRY(sys::fstatat(sys::FdRef::working_directory(), path, 0)).st_ino;
}

Result<Sighting> look_at(const Target& target, const spec::Config& config) {
    Sighting seen;
    seen.mount_points = TRY(find_mount_points(target, config));
    seen.stdio = TRY(look_at_stdio(target.init));
    seen.network_inode = TRY(inode_if_joined(config, spec::NamespaceType::Network, target, "net"));
    seen.pid_inode = TRY(inode_if_joined(config, spec::NamespaceType::Pid, target, "pid"));
    return seen;
}

// ---- CRIU -----------------------------------------------------------------------------------------------------------

// Whoever migrates memory lazily waits for this byte before it connects.
Result<> tell_ready(const CheckpointOptions& options, const criu::Notification& notification) {
    if (!options.status_fd || notification.script != "status-ready") return {};
    return sys::write_all(sys::FdRef(*options.status_fd), std::string_view("\0", 1));
}

// With lazy pages it serves memory until whoever restores has fetched it all.
criu::Orphan orphan_of(const CheckpointOptions& options) {
    return options.image.lazy_pages ? criu::Orphan::Dies : criu::Orphan::Finishes;
}

Result<> dump(const Runtime& runtime, const CheckpointOptions& options, const Target& target,
              const spec::Config& config) {
    progress::enter(Step::OpenResources);
    const auto program = TRY(criu::find_program(runtime.environment));
    const auto directories = TRY(ImageDirectories::open(options.image, ImageDirectories::Missing::Make));
    const auto seen = TRY(look_at(target, config));
    const auto places = directories.places(criu_config_file(target.record.annotations));
    const auto plan = TRY(plan_checkpoint(options, target.record, seen, places));
    progress::enter(Step::Fork);
    auto session = TRY(criu::Session::start({.program = program,
                                             .environment = runtime.environment,
                                             .inherited = {directories.images, directories.work},
                                             .orphan = orphan_of(options)}));
    progress::enter(Step::AwaitReady);
    TRY(check_abilities(session, options.image, &options));
    // ORDER: before CRIU, which with lazy pages goes on serving memory while the images are restored already.
    if (!options.pre_dump) TRY(sys::replace_file_at(directories.images, kDescriptorsName, to_json(seen.stdio), 0600));
    const auto call = options.pre_dump ? criu::Call::PreDump : criu::Call::Dump;
    auto outcome = session.carry_out(call, plan, [&options](const criu::Notification& notification, sys::Fd) {
        return tell_ready(options, notification);
    });
    TRY(judge(std::move(outcome), "checkpoint", text::cat(directories.work_path, "/", plan.log_file)));
    return session.finish();
}
}  // namespace

Result<> checkpoint(const Runtime& runtime, const CheckpointOptions& options) {
    progress::enter(Step::Plan);
    TRY(check_options(options));
    TRY(refuse_added_mounts(runtime, options.id));
    auto target = TRY(find_target(runtime, options.id));
    TRY(dump(runtime, options, target, TRY(load_saved_config(target.store))));
    // CRIU has killed the processes once their images were complete: the container is over, and what is left of it
    // goes.
    const bool goes_on = options.leave_running || options.pre_dump;
    if (!goes_on) TRY(destroy(runtime, target.store, target.record));
    progress::finish();
    return {};
}

}  // namespace arca
