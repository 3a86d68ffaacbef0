// mounts add, remove, list: what a container gets to see of the host while it runs. A process prepares the sources
// outside, another goes into the container's mount namespace with them and puts them where they belong.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/launch/namespaces.hpp"
#include "container/launch/protocol.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "mounts/hot_mount.hpp"
#include "process/descriptors.hpp"
#include "spec/json_writer.hpp"
#include "spec/parse.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

constexpr auto kFileName = "mounts.json";

struct Target {
    Store store;
    Record record;
    sys::Pidfd init;
};

Result<Target> find_target(const Runtime& runtime, const std::string& id) {
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Exclusive));
    auto record = TRY(store.read());
    auto [status, init] = TRY(presence_of(record));
    if (status == Status::Creating) return fail(Code::WrongState, "the container is still being created");
    if (status == Status::Stopped) return fail(Code::NotRunning, "container not running");
    if ((record.namespaces & CLONE_NEWNS) == 0)
        return fail(Code::Unsupported, "the container has no mount namespace of its own");
    return Target{std::move(store), std::move(record), std::move(*init)};
}

Result<std::vector<spec::Mount>> parse(const std::string& name, const std::string& text) {
    auto parsed = spec::parse_mounts(text);
    if (!parsed.problems.empty()) return fail(spec::to_error(name, parsed.problems));
    return std::move(parsed.value);
}

Result<std::vector<spec::Mount>> read_list(const std::string& file) {
    auto text = sys::read_file(file);
    if (!text) return fail(std::move(text.error()).as(Code::InvalidConfig).with("reading the list of mounts"));
    return parse(file, *text);
}

Result<std::vector<mounts::MountStep>> plan_steps(const std::vector<spec::Mount>& list, const Record& record) {
    spec::Config config;
    config.root.path = "/";
    config.mounts = list;
    config.linux_.namespaces = {{spec::NamespaceType::Mount, ""}};
    mounts::Input input;
    input.rootfs = "/";
    input.bundle = record.bundle;
    input.new_user_namespace = (record.namespaces & CLONE_NEWUSER) != 0;
    std::vector<spec::Note> notes;
    auto steps = TRY(mounts::plan(config, input, notes)).mounts;
    for (const auto& step : steps)
        TRY(mounts::check_hot(step));
    return steps;
}

// ---- what was added, on disk ---------------------------------------------------------------------------------------

Result<std::vector<spec::Mount>> read_added(const Store& store) {
    auto text = store.read_file(kFileName);
    if (!text && text.error().errnum() == ENOENT) return std::vector<spec::Mount>();
    return parse(kFileName, TRY(std::move(text)));
}

Result<> write_added(const Store& store, const std::vector<spec::Mount>& list) {
    spec::JsonWriter json("");
    json.begin_object();
    json.key("mounts");
    json.begin_array();
    for (const auto& mount : list) {
        json.begin_object();
        json.member("destination", mount.destination);
        if (!mount.type.empty()) json.member("type", mount.type);
        if (!mount.source.empty()) json.member("source", mount.source);
        if (!mount.options.empty()) json.member("options", mount.options);
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return sys::replace_file_at(store.directory(), kFileName, json.take(), 0600);
}

// ---- inside --------------------------------------------------------------------------------------------------------

struct Errand {
    const std::vector<mounts::MountStep>& added;
    const std::vector<sys::Fd>& prepared;  ///< one per entry of `added`
    const std::vector<std::string>& removed;
};

Result<sys::RootDir> go_inside(const Target& target) {
    // ORDER: before joining (CVE-2016-9962).
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const auto flags = target.record.namespaces & (CLONE_NEWNS | CLONE_NEWUSER);
    if (::setns(target.init.fd().number(), static_cast<int>(flags)) < 0)
        return sys::last_error("joining the container's namespaces");
    if ((flags & CLONE_NEWUSER) != 0) TRY(launch::become_root());
    return sys::RootDir::open("/");
}

Result<> attach_all(const Errand& errand, sys::RootDir& root, sys::FdRef procfs) {
    for (std::size_t i = 0; i < errand.added.size(); ++i) {
        const auto& step = errand.added[i];
        auto attached = mounts::attach_hot(step, errand.prepared[i], root);
        if (attached) continue;
        while (i-- > 0)
            (void)mounts::detach_hot(errand.added[i].destination, root, procfs);
        return fail(std::move(attached.error()).with(text::cat("mounting ", mounts::describe(step))).at(step.pointer));
    }
    return {};
}

Result<> do_errand(const Target& target, const Errand& errand) {
    progress::assume_role(Role::Init, nullptr);
    progress::enter(Step::Mounts);
    const auto procfs = TRY(sys::open("/proc", O_PATH | O_DIRECTORY));
    auto root = TRY(go_inside(target));
    TRY(attach_all(errand, root, procfs));
    for (const auto& destination : errand.removed)
        TRY_CTX(mounts::detach_hot(destination, root, procfs), text::cat("unmounting ", destination));
    return {};
}

Result<> send_inside(const Target& target, const Errand& errand) {
    auto [mine, theirs] = TRY(sys::Channel::pair());
    auto cloned = TRY(sys::clone3({}));
    if (cloned.is_child) {
        auto done = do_errand(target, errand);
        if (!done)
            launch::send_failure(theirs, done.error());
        else
            (void)launch::send(theirs, launch::Kind::Ready);
        ::_exit(0);
    }
    theirs.close();
    auto message = TRY(launch::receive(mine));
    (void)TRY(cloned.child.wait());
    if (!message) return fail(Code::InitDied, "the process that mounts in the container ended without a word");
    if (message->kind == launch::Kind::Failed) return fail(std::move(*message->error));
    return {};
}
}  // namespace

Result<> add_mounts(const Runtime& runtime, const std::string& id, const std::string& file) {
    auto target = TRY(find_target(runtime, id));
    const auto list = TRY(read_list(file));
    auto all = TRY(read_added(target.store));
    const auto steps = TRY(plan_steps(list, target.record));
    progress::enter(Step::OpenResources);
    const auto prepared = TRY(mounts::prepare_hot(steps));
    TRY(send_inside(target, {steps, prepared, {}}));
    all.insert(all.end(), list.begin(), list.end());
    TRY(write_added(target.store, all));
    progress::finish();
    return {};
}

Result<> remove_mounts(const Runtime& runtime, const std::string& id, const std::string& file) {
    auto target = TRY(find_target(runtime, id));
    const auto list = TRY(read_list(file));
    auto all = TRY(read_added(target.store));
    std::vector<std::string> destinations;
    for (auto mount = list.rbegin(); mount != list.rend(); ++mount) {
        const auto last = std::find_if(all.rbegin(), all.rend(), [&mount](const spec::Mount& added) {
            return added.destination == mount->destination;
        });
        if (last == all.rend())
            return fail(Code::InvalidConfig, text::cat("no mount was added at ", mount->destination));
        all.erase(std::next(last).base());
        destinations.push_back(mount->destination);
    }
    TRY(send_inside(target, {{}, {}, destinations}));
    TRY(write_added(target.store, all));
    progress::finish();
    return {};
}

Result<std::vector<HotMount>> list_mounts(const Runtime& runtime, const std::string& id) {
    const auto store = TRY(Store::open(runtime.root, id, Store::Access::Unlocked));
    std::vector<HotMount> list;
    for (auto& mount : TRY(read_added(store)))
        list.push_back(
            {std::move(mount.destination), std::move(mount.type), std::move(mount.source), std::move(mount.options)});
    return list;
}

}  // namespace arca
