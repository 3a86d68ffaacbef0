#include "mounts/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sys/mount_api.hpp"

namespace arca::mounts {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = MountStep::Kind;

spec::Config config_with(std::vector<spec::Mount> mounts) {
    spec::Config config;
    config.root.path = "rootfs";
    config.mounts = std::move(mounts);
    config.linux_.namespaces.push_back({spec::NamespaceType::Mount, ""});
    return config;
}

Input host_root() {
    Input input;
    input.rootfs = "/bundle/rootfs";
    input.bundle = "/bundle";
    input.private_cgroup_namespace = true;
    input.cgroup2_mount = "/sys/fs/cgroup";
    input.cgroup_path = "/machine/web";
    return input;
}

spec::Mount bind_with(std::vector<std::string> options) {
    return {.destination = "/data", .type = "bind", .source = "/srv/data", .options = std::move(options)};
}

MountStep step_of(const spec::Mount& mount, const Input& input = host_root()) {
    std::vector<spec::Note> notes;
    auto planned = plan(config_with({mount}), input, notes);
    if (!planned) ADD_FAILURE() << planned.error().message();
    return planned ? planned->mounts.at(0) : MountStep{};
}

Error error_of(const spec::Config& config, const Input& input = host_root()) {
    std::vector<spec::Note> notes;
    auto planned = plan(config, input, notes);
    if (planned) {
        ADD_FAILURE() << "was accepted";
        return Error(Code::Internal, "accepted");
    }
    return std::move(planned.error());
}
Error error_of(const spec::Mount& mount, const Input& input = host_root()) {
    return error_of(config_with({mount}), input);
}

// ---- options --------------------------------------------------------------------------------------------------------

struct AttributeCase {
    std::vector<std::string> options;
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    std::uint64_t recursive_set = 0;
    std::uint64_t recursive_clear = 0;
};
constexpr std::uint64_t kAtime = MOUNT_ATTR__ATIME;

class Attributes : public ::testing::TestWithParam<AttributeCase> {};
TEST_P(Attributes, OfABind) {
    const auto& expected = GetParam();
    const auto step = step_of(bind_with(expected.options));
    EXPECT_EQ(step.attributes_set, expected.set);
    EXPECT_EQ(step.attributes_clear, expected.clear);
    EXPECT_EQ(step.recursive_set, expected.recursive_set);
    EXPECT_EQ(step.recursive_clear, expected.recursive_clear);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Attributes,
    ::testing::Values(
        // Nothing asked for: everything is inherited from the source.
        AttributeCase{{"bind"}}, AttributeCase{{"rbind", "rprivate"}}, AttributeCase{{"bind", "defaults"}},
        AttributeCase{{"ro"}, MOUNT_ATTR_RDONLY}, AttributeCase{{"rw"}, 0, MOUNT_ATTR_RDONLY},
        AttributeCase{{"ro", "rw"}, 0, MOUNT_ATTR_RDONLY}, AttributeCase{{"rw", "ro"}, MOUNT_ATTR_RDONLY},
        AttributeCase{{"nosuid", "nodev", "noexec"}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
        AttributeCase{{"suid", "dev", "exec"}, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
        AttributeCase{{"nosymfollow"}, MOUNT_ATTR_NOSYMFOLLOW}, AttributeCase{{"symfollow"}, 0, MOUNT_ATTR_NOSYMFOLLOW},
        AttributeCase{{"nodiratime"}, MOUNT_ATTR_NODIRATIME}, AttributeCase{{"diratime"}, 0, MOUNT_ATTR_NODIRATIME}));
// The access time policy is one field: whatever is asked for replaces it as a whole.
INSTANTIATE_TEST_SUITE_P(AccessTimes, Attributes,
                         ::testing::Values(AttributeCase{{"noatime"}, MOUNT_ATTR_NOATIME, kAtime},
                                           AttributeCase{{"strictatime"}, MOUNT_ATTR_STRICTATIME, kAtime},
                                           AttributeCase{{"relatime"}, 0, kAtime}, AttributeCase{{"atime"}, 0, kAtime},
                                           AttributeCase{{"noatime", "strictatime"}, MOUNT_ATTR_STRICTATIME, kAtime},
                                           AttributeCase{{"noatime", "relatime"}, 0, kAtime},
                                           AttributeCase{{"noatime", "atime"}, 0, kAtime},
                                           AttributeCase{{"noatime", "norelatime"}, MOUNT_ATTR_NOATIME, kAtime},
                                           AttributeCase{{"strictatime", "nostrictatime"}, 0, kAtime},
                                           AttributeCase{{"strictatime", "atime"}, MOUNT_ATTR_STRICTATIME, kAtime}));
INSTANTIATE_TEST_SUITE_P(
    Recursive, Attributes,
    ::testing::Values(
        AttributeCase{{"rro"}, 0, 0, MOUNT_ATTR_RDONLY},
        AttributeCase{{"ro", "rro"}, MOUNT_ATTR_RDONLY, 0, MOUNT_ATTR_RDONLY},
        AttributeCase{{"rrw"}, 0, 0, 0, MOUNT_ATTR_RDONLY},
        AttributeCase{{"rnosuid", "rdev", "rnoexec"}, 0, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NODEV},
        AttributeCase{{"rnoatime"}, 0, 0, MOUNT_ATTR_NOATIME, kAtime}, AttributeCase{{"rrelatime"}, 0, 0, 0, kAtime},
        AttributeCase{{"rstrictatime", "rnodiratime"}, 0, 0, MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NODIRATIME, kAtime},
        AttributeCase{{"rnosymfollow"}, 0, 0, MOUNT_ATTR_NOSYMFOLLOW},
        AttributeCase{{"rsymfollow"}, 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW}));

TEST(Options, EveryWordOfTheSpecificationIsKnown) {
    const auto known = known_options();
    for (const char* word : {"async",
                             "atime",
                             "bind",
                             "defaults",
                             "dev",
                             "diratime",
                             "dirsync",
                             "exec",
                             "iversion",
                             "lazytime",
                             "loud",
                             "mand",
                             "noatime",
                             "nodev",
                             "nodiratime",
                             "noexec",
                             "noiversion",
                             "nolazytime",
                             "nomand",
                             "norelatime",
                             "nostrictatime",
                             "nosuid",
                             "nosymfollow",
                             "private",
                             "ratime",
                             "rbind",
                             "rdev",
                             "rdiratime",
                             "relatime",
                             "remount",
                             "rexec",
                             "rnoatime",
                             "rnodev",
                             "rnodiratime",
                             "rnoexec",
                             "rnorelatime",
                             "rnostrictatime",
                             "rnosuid",
                             "rnosymfollow",
                             "ro",
                             "rprivate",
                             "rrelatime",
                             "rro",
                             "rrw",
                             "rshared",
                             "rslave",
                             "rstrictatime",
                             "rsuid",
                             "rsymfollow",
                             "runbindable",
                             "rw",
                             "shared",
                             "silent",
                             "slave",
                             "strictatime",
                             "suid",
                             "symfollow",
                             "sync",
                             "tmpcopyup",
                             "unbindable",
                             "idmap",
                             "ridmap"})
        EXPECT_THAT(known, Contains(word));
    EXPECT_TRUE(std::is_sorted(known.begin(), known.end()));
    EXPECT_EQ(std::adjacent_find(known.begin(), known.end()), known.end()) << "a word is listed twice";
}

TEST(Options, PropagationIsKeptInOrder) {
    const auto step = step_of(bind_with({"rbind", "shared", "rslave"}));
    EXPECT_THAT(step.propagation, ElementsAre(MS_SHARED, MS_SLAVE | MS_REC));
    EXPECT_TRUE(step.recursive_bind);
}

TEST(Options, OfTheSuperblock) {
    const auto step = step_of({.destination = "/x",
                               .type = "ext4",
                               .source = "/dev/vdb",
                               .options = {"sync", "dirsync", "lazytime", "nolazytime", "mand"}});
    EXPECT_EQ(step.superblock_flags, static_cast<unsigned long>(MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK));
    EXPECT_THAT(step.data, IsEmpty());
}

TEST(Options, UnknownOnesOfAFileSystemAreItsData) {
    const auto step = step_of({.destination = "/dev",
                               .type = "tmpfs",
                               .source = "tmpfs",
                               .options = {"nosuid", "strictatime", "mode=755", "size=65536k", "huge"}});
    EXPECT_THAT(step.data, ElementsAre("mode=755", "size=65536k", "huge"));
    EXPECT_EQ(step.attributes_set, std::uint64_t{MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME});
}

TEST(Options, UnknownOnesOfABindAreAnError) {
    const auto error = error_of(bind_with({"rbind", "nosuidd"}));
    EXPECT_EQ(error.code(), Code::InvalidConfig);
    EXPECT_EQ(error.pointer(), "/mounts/0");
    EXPECT_THAT(error.message(), HasSubstr(R"(unknown option "nosuidd" of a bind mount; did you mean "nosuid"?)"));
    EXPECT_THAT(error_of(bind_with({"size=64k"})).message(), Not(HasSubstr("did you mean")));
}

TEST(Options, RecursiveFormsOfASingleMountAreThePlainOnes) {
    const auto step = step_of({.destination = "/x", .type = "tmpfs", .source = "", .options = {"rro", "rnosuid"}});
    EXPECT_EQ(step.attributes_set, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
    EXPECT_EQ(step.recursive_set, 0u);
}

// ---- kinds, sources, destinations -----------------------------------------------------------------------------------

struct KindCase {
    const char* type;
    std::vector<std::string> options;
    Kind kind;
};
class Kinds : public ::testing::TestWithParam<KindCase> {};
TEST_P(Kinds, FollowFromTypeAndOptions) {
    const auto step =
        step_of({.destination = "/x", .type = GetParam().type, .source = "/srv", .options = GetParam().options});
    EXPECT_EQ(step.kind, GetParam().kind);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Kinds,
    ::testing::Values(KindCase{"bind", {}, Kind::Bind}, KindCase{"none", {"bind"}, Kind::Bind},
                      KindCase{"", {"rbind"}, Kind::Bind}, KindCase{"tmpfs", {"bind"}, Kind::Bind},
                      KindCase{"cgroup", {"rbind"}, Kind::Bind}, KindCase{"tmpfs", {}, Kind::Filesystem},
                      KindCase{"devpts", {"newinstance"}, Kind::Filesystem}, KindCase{"overlay", {}, Kind::Filesystem},
                      KindCase{"sysfs", {}, Kind::Sysfs}, KindCase{"mqueue", {}, Kind::Mqueue},
                      KindCase{"cgroup", {"ro"}, Kind::Cgroup}, KindCase{"cgroup2", {}, Kind::Cgroup}));

TEST(Sources, OfBindsAreRelativeToTheBundle) {
    EXPECT_EQ(step_of({.destination = "/x", .type = "bind", .source = "data/a", .options = {}}).source,
              "/bundle/data/a");
    EXPECT_EQ(step_of({.destination = "/x", .type = "bind", .source = "/data/a", .options = {}}).source, "/data/a");
    EXPECT_EQ(step_of({.destination = "/x", .type = "tmpfs", .source = "shm", .options = {}}).source, "shm");
}

TEST(Sources, OfBindsMustBeGiven) {
    EXPECT_THAT(error_of({.destination = "/x", .type = "bind", .source = "", .options = {}}).message(),
                AllOf(HasSubstr("/mounts/0"), HasSubstr("has no source")));
}

TEST(Types, MustBeGivenUnlessItIsABind) {
    EXPECT_THAT(error_of({.destination = "/x", .type = "", .source = "/y", .options = {"ro"}}).message(),
                HasSubstr("has no type"));
}

struct DestinationCase {
    const char* written;
    const char* meant;
};
class Destinations : public ::testing::TestWithParam<DestinationCase> {};
TEST_P(Destinations, AreCleanedAndAbsolute) {
    EXPECT_EQ(step_of({.destination = GetParam().written, .type = "bind", .source = "/s", .options = {}}).destination,
              GetParam().meant);
}
INSTANTIATE_TEST_SUITE_P(Table, Destinations,
                         ::testing::Values(DestinationCase{"/a/b", "/a/b"}, DestinationCase{"a/b", "/a/b"},
                                           DestinationCase{"/a//b/", "/a/b"}, DestinationCase{"/a/./b", "/a/b"},
                                           DestinationCase{"/a/../b", "/b"}, DestinationCase{"../../etc", "/etc"},
                                           DestinationCase{"/", "/"}, DestinationCase{"/..", "/"}));

// ---- /proc (CVE-2019-16884) -----------------------------------------------------------------------------------------

struct ProcCase {
    const char* destination;
    const char* type;
    bool allowed;
};
class OverProc : public ::testing::TestWithParam<ProcCase> {};
TEST_P(OverProc, IsAllowedOrRefused) {
    std::vector<spec::Note> notes;
    const auto& c = GetParam();
    const auto planned =
        plan(config_with({{.destination = c.destination, .type = c.type, .source = "/s", .options = {}}}), host_root(),
             notes);
    EXPECT_EQ(planned.has_value(), c.allowed) << c.type << " at " << c.destination;
    if (planned) return;
    EXPECT_THAT(planned.error().message(), AllOf(HasSubstr("/mounts/0"), HasSubstr("only procfs")));
}
INSTANTIATE_TEST_SUITE_P(Table, OverProc,
                         ::testing::Values(ProcCase{"/proc", "proc", true}, ProcCase{"/proc", "tmpfs", false},
                                           ProcCase{"//proc/", "tmpfs", false}, ProcCase{"/x/../proc", "tmpfs", false},
                                           ProcCase{"/proc/acpi", "tmpfs", false},
                                           ProcCase{"/proc/self", "proc", false}, ProcCase{"/proc", "sysfs", false},
                                           ProcCase{"/proc", "cgroup", false}, ProcCase{"/proc/uptime", "tmpfs", true},
                                           ProcCase{"/process", "tmpfs", true},
                                           // Whether a bind brings procfs is seen when it is opened.
                                           ProcCase{"/proc", "bind", true}, ProcCase{"/proc/acpi", "bind", true}));

TEST(OverProcFiles, AreThoseOfLxcfs) {
    EXPECT_TRUE(may_cover_proc("/proc/cpuinfo"));
    EXPECT_TRUE(may_cover_proc("/proc/sys/kernel/ns_last_pid"));
    EXPECT_FALSE(may_cover_proc("/proc/sysrq-trigger"));
    EXPECT_FALSE(may_cover_proc("/proc/self/attr/exec"));
    EXPECT_FALSE(may_cover_proc("/proc/cpuinfo/x"));
}

// ---- id-mapped mounts -----------------------------------------------------------------------------------------------

TEST(IdMaps, MappingsAloneMakeItIdMapped) {
    auto mount = bind_with({"bind"});
    mount.uid_mappings = mount.gid_mappings = {{0, 100000, 65536}};
    const auto step = step_of(mount);
    EXPECT_TRUE(step.id_mapped);
    EXPECT_FALSE(step.id_mapped_recursive);
}

TEST(IdMaps, WithoutMappingsAreTheContainers) {
    auto config = config_with({bind_with({"ridmap"})});
    config.linux_.uid_mappings = {{0, 1000, 10}};
    config.linux_.gid_mappings = {{0, 2000, 20}};
    auto input = host_root();
    input.new_user_namespace = true;
    std::vector<spec::Note> notes;
    const auto planned = plan(config, input, notes);
    ASSERT_TRUE(planned) << planned.error().message();
    EXPECT_TRUE(planned->mounts[0].id_mapped_recursive);
    EXPECT_EQ(planned->mounts[0].uid_mappings, config.linux_.uid_mappings);
    EXPECT_EQ(planned->mounts[0].gid_mappings, config.linux_.gid_mappings);
}

TEST(IdMaps, OfCrunsSyntax) {
    const auto step = step_of(bind_with({"idmap=uids=0-1000-10#10-5000-1;gids=0-2000-10"}));
    EXPECT_THAT(step.uid_mappings, ElementsAre(spec::IdMapping{0, 1000, 10}, spec::IdMapping{10, 5000, 1}));
    EXPECT_THAT(step.gid_mappings, ElementsAre(spec::IdMapping{0, 2000, 10}));
    EXPECT_THAT(error_of(bind_with({"idmap=uids=0-1000"})).message(), HasSubstr("CONTAINER-HOST-SIZE"));
    EXPECT_THAT(error_of(bind_with({"idmap=uids=@0-1-1;gids=0-1-1"})).message(), HasSubstr("CONTAINER-HOST-SIZE"));
    EXPECT_THAT(error_of(bind_with({"idmap=x"})).message(), HasSubstr("neither uids"));
}

TEST(IdMaps, AreRefusedWhenTheyCannotBe) {
    EXPECT_THAT(error_of(bind_with({"idmap"})).message(), HasSubstr("needs a user namespace"));
    auto half = bind_with({});
    half.uid_mappings = {{0, 1, 1}};
    EXPECT_THAT(error_of(half).message(), HasSubstr("both or not at all"));
    auto tmpfs = spec::Mount{.destination = "/t", .type = "tmpfs", .source = "", .options = {}};
    tmpfs.uid_mappings = tmpfs.gid_mappings = {{0, 1, 1}};
    EXPECT_THAT(error_of(tmpfs).message(), HasSubstr("only bind mounts"));
}

TEST(CopyUp, IsForTmpfs) {
    EXPECT_TRUE(step_of({.destination = "/t", .type = "tmpfs", .source = "", .options = {"tmpcopyup"}}).copy_up);
    EXPECT_THAT(error_of(bind_with({"tmpcopyup"})).message(), HasSubstr("tmpfs only"));
    EXPECT_THAT(error_of({.destination = "/t", .type = "ramfs", .source = "", .options = {"tmpcopyup"}}).message(),
                HasSubstr("tmpfs only"));
}

// ---- devices --------------------------------------------------------------------------------------------------------

std::vector<std::string> paths_of(const Plan& planned) {
    std::vector<std::string> paths;
    for (const auto& node : planned.devices)
        paths.push_back(node.device.path);
    return paths;
}

TEST(Devices, DefaultsComeFirst) {
    auto config = config_with({});
    config.linux_.devices.push_back(
        {.path = "/dev//fuse/", .type = spec::DeviceType::Character, .major = 10, .minor = 229});
    std::vector<spec::Note> notes;
    const auto planned = plan(config, host_root(), notes);
    ASSERT_TRUE(planned);
    EXPECT_THAT(paths_of(*planned), ElementsAre("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                                                "/dev/tty", "/dev/fuse"));
    EXPECT_TRUE(planned->devices[0].is_default);
    EXPECT_FALSE(planned->devices[6].is_default);
    EXPECT_EQ(planned->devices[6].pointer, "/linux/devices/0");
    EXPECT_FALSE(planned->bind_devices);
    EXPECT_TRUE(planned->populate_dev);
}

TEST(Devices, ListedDefaultsAreMadeOnce) {
    auto config = config_with({});
    config.linux_.devices.push_back(
        {.path = "/dev/null", .type = spec::DeviceType::Character, .major = 1, .minor = 3, .file_mode = 0600});
    std::vector<spec::Note> notes;
    const auto planned = plan(config, host_root(), notes);
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->devices.size(), 6u);
    EXPECT_EQ(planned->devices[0].device.file_mode, 0600u);
    EXPECT_EQ(planned->devices[0].pointer, "/linux/devices/0");
}

TEST(Devices, AreLeftAloneWhenDevIsTheCallers) {
    std::vector<spec::Note> notes;
    const auto bound =
        plan(config_with({{.destination = "/dev/", .type = "bind", .source = "/dev", .options = {"rbind"}}}),
             host_root(), notes);
    ASSERT_TRUE(bound);
    EXPECT_FALSE(bound->populate_dev);
    const auto own = plan(config_with({{.destination = "/dev", .type = "tmpfs", .source = "", .options = {}},
                                       {.destination = "/dev/shm", .type = "bind", .source = "/s", .options = {}}}),
                          host_root(), notes);
    ASSERT_TRUE(own);
    EXPECT_TRUE(own->populate_dev);
}

TEST(Devices, AreBoundInAnyUserNamespace) {
    std::vector<spec::Note> notes;
    auto input = host_root();
    input.new_user_namespace = true;
    EXPECT_TRUE(plan(config_with({}), input, notes)->bind_devices);
    input = host_root();
    input.in_initial_user_namespace = false;
    EXPECT_TRUE(plan(config_with({}), input, notes)->bind_devices);
}

// ---- the rest -------------------------------------------------------------------------------------------------------

TEST(Plans, TellOfWhatWillDiffer) {
    std::vector<spec::Note> notes;
    auto input = host_root();
    input.new_user_namespace = true;
    input.new_network_namespace = false;
    input.private_cgroup_namespace = false;
    input.cgroup2_mount.clear();
    ASSERT_TRUE(
        plan(config_with({{.destination = "/sys", .type = "sysfs", .source = "sysfs", .options = {}},
                          {.destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup", .options = {}}}),
             input, notes));
    ASSERT_EQ(notes.size(), 2u);
    EXPECT_EQ(notes[0].pointer, "/mounts/0");
    EXPECT_THAT(notes[0].text, HasSubstr("read-only"));
    EXPECT_EQ(notes[1].pointer, "/mounts/1");
}

TEST(Plans, TakeTheContextFromCrunsAnnotation) {
    std::vector<spec::Note> notes;
    spec::Config config;
    EXPECT_EQ(plan(config, host_root(), notes)->mount_context, "context");
    config.annotations["run.oci.mount_context_type"] = "rootcontext";
    EXPECT_EQ(plan(config, host_root(), notes)->mount_context, "rootcontext");
    config.annotations["run.oci.mount_context_type"] = "seclabel";
    EXPECT_EQ(error_of(config).pointer(), "/annotations/run.oci.mount_context_type");
}

TEST(Plans, WithoutAMountNamespaceChangeNothing) {
    std::vector<spec::Note> notes;
    spec::Config config;
    EXPECT_TRUE(plan(config, host_root(), notes));
    config.linux_.masked_paths = {"/proc/kcore"};
    EXPECT_EQ(error_of(config).pointer(), "/linux/maskedPaths");
    config.linux_.masked_paths.clear();
    config.root.readonly = true;
    EXPECT_EQ(error_of(config).pointer(), "/root/readonly");
    config = config_with({bind_with({})});
    config.linux_.namespaces.clear();
    EXPECT_EQ(error_of(config).pointer(), "/mounts");
}

TEST(Descriptions, SayWhatHappens) {
    EXPECT_EQ(describe(step_of(bind_with({"rbind", "ro", "nosuid", "rprivate"}))),
              "rbind /srv/data -> /data ro,nosuid,rprivate (/mounts/0)");
    EXPECT_EQ(describe(step_of(bind_with({"rw", "rro", "rexec", "noatime"}))),
              "bind /srv/data -> /data noatime,rw,rro,rexec (/mounts/0)");
    EXPECT_EQ(describe(step_of(
                  {.destination = "/dev", .type = "tmpfs", .source = "tmpfs", .options = {"nosuid", "size=1m"}})),
              "tmpfs -> /dev nosuid,size=1m (/mounts/0)");
    EXPECT_EQ(describe(step_of({.destination = "/x\x1b[2J", .type = "bind", .source = "/s", .options = {}})),
              "bind /s -> /x\\x1b[2J (/mounts/0)");
}

}  // namespace
}  // namespace arca::mounts
