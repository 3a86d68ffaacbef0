#include "world.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "../support/temporary_directory.hpp"
#include "base/text.hpp"
#include "sys/mount_api.hpp"
#include "sys/process.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts::test {

namespace fs = std::filesystem;

namespace {

const bool kStartedByRoot = ::geteuid() == 0;

constexpr std::uint64_t kContainerNamespaces =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

std::vector<std::string> words(std::string_view text, char separator) {
    std::vector<std::string> out;
    for (auto word : text::split(text, separator))
        if (!word.empty()) out.emplace_back(word);
    return out;
}

void write_file(const std::string& path, std::string_view content) {
    auto fd = sys::open(path, O_WRONLY);
    if (fd) (void)sys::write_all(*fd, content);
}

/// Whether there are more ids than the own one; a host that is itself in a user namespace of one id has none.
bool has_many_ids() {
    const auto map = sys::read_file("/proc/self/uid_map");
    return ::geteuid() == 0 && map && words(text::split(*map, '\n').front(), ' ').back() != "1";
}

/// Ids stay what they are; an ordinary user has but one.
void write_maps(pid_t pid) {
    const auto directory = text::cat("/proc/", pid, "/");
    const bool privileged = has_many_ids();
    if (!privileged) write_file(directory + "setgroups", "deny");
    write_file(directory + "uid_map", privileged ? "0 0 65536\n" : text::cat("0 ", ::geteuid(), " 1\n"));
    write_file(directory + "gid_map", privileged ? "0 0 65536\n" : text::cat("0 ", ::getegid(), " 1\n"));
}

/// Runs `body` in a child with those namespaces; what it reports.
std::string in_namespaces(std::uint64_t flags, const std::function<std::string()>& body) {
    int report[2];
    int gate[2];
    if (::pipe2(report, O_CLOEXEC) < 0 || ::pipe2(gate, O_CLOEXEC) < 0) return "pipe2 failed";
    auto cloned = sys::clone3({.flags = flags});
    if (!cloned) return "SKIP: no namespaces: " + cloned.error().message();
    if (cloned->is_child) {
        char go = 0;
        ::close(gate[1]);
        if (::read(gate[0], &go, 1) != 1) ::_exit(1);
        const auto problems = body();
        [[maybe_unused]] auto written = ::write(report[1], problems.data(), problems.size());
        ::_exit(0);
    }
    ::close(report[1]);
    ::close(gate[0]);
    if ((flags & CLONE_NEWUSER) != 0) write_maps(cloned->child.pid());
    [[maybe_unused]] auto written = ::write(gate[1], "g", 1);
    ::close(gate[1]);
    std::string problems;
    char buffer[4096];
    for (ssize_t size = 0; (size = ::read(report[0], buffer, sizeof buffer)) > 0;)
        problems.append(buffer, static_cast<std::size_t>(size));
    ::close(report[0]);
    auto status = cloned->child.wait();
    if (!status || status->shell_code() != 0) problems += " the process " + (status ? status->describe() : "is lost");
    return problems;
}

std::string play_container(const Scenario& scenario, const std::string& base) {
    Site site(base);
    site.open_procfs();
    scenario.container(site);
    return site.report();
}

std::string play_host(const Scenario& scenario, const std::string& base) {
    Site site(base);
    site.good(sys::mount("none", "/", "", MS_PRIVATE | MS_REC, ""), "making / private");
    if (!site.good(sys::mount("tmpfs", base, "tmpfs", 0, "mode=755"), "mounting a tmpfs to play in"))
        return site.report();
    site.directory(site.rootfs());
    if (scenario.host) scenario.host(site);
    if (!site.report().empty()) return site.report();
    auto flags = kContainerNamespaces & ~scenario.without;
    if (scenario.identity == Identity::NewUserNamespace) flags |= CLONE_NEWUSER;
    auto report = in_namespaces(flags, [&] { return play_container(scenario, base); });
    if (scenario.afterwards) scenario.afterwards(site);
    return report + site.report();
}

}  // namespace

std::string name_of(Identity identity) {
    return identity == Identity::SameUser ? "SameUser" : "NewUserNamespace";
}

bool started_by_root() {
    return kStartedByRoot;
}

bool MountInfo::has(std::string_view option) const {
    return std::find(options.begin(), options.end(), option) != options.end();
}
bool MountInfo::is_shared() const {
    return std::any_of(optional.begin(), optional.end(), [](const auto& tag) { return tag.starts_with("shared:"); });
}
bool MountInfo::is_slave() const {
    return std::any_of(optional.begin(), optional.end(), [](const auto& tag) { return tag.starts_with("master:"); });
}

void Site::fail(std::string problem) {
    report_ += problem + "\n";
}
void Site::skip(std::string reason) {
    report_ = "SKIP: " + reason;
}
void Site::check(bool condition, std::string_view what) {
    if (!condition) fail(text::cat("not so: ", what));
}
void Site::equal(const std::string& found, const std::string& expected, std::string_view what) {
    if (found != expected) fail(text::cat(what, ": expected \"", expected, "\", found \"", found, "\""));
}
void Site::contains(const std::string& text, std::string_view part) {
    if (text.find(part) == std::string::npos) fail(text::cat("expected \"", part, "\" in \"", text, "\""));
}

void Site::directory(const std::string& path, mode_t mode) {
    std::error_code problem;
    fs::create_directories(path, problem);
    if (problem || ::chmod(path.c_str(), mode) < 0) fail("cannot make the directory " + path);
}
void Site::file(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
    if (!exists(path)) fail("cannot make the file " + path);
}
void Site::link(const std::string& path, const std::string& target) {
    if (::symlink(target.c_str(), path.c_str()) < 0) fail("cannot make the link " + path);
}
void Site::owner(const std::string& path, uid_t uid, gid_t gid) {
    if (::chown(path.c_str(), uid, gid) < 0) fail("cannot give away " + path);
}
void Site::set_mode(const std::string& path, mode_t mode) {
    if (::chmod(path.c_str(), mode) < 0) fail("cannot set the mode of " + path);
}
std::string Site::content(const std::string& path) {
    auto found = sys::read_file(path);
    if (!found) fail("cannot read " + path + ": " + found.error().message());
    return found ? *found : "";
}
bool Site::exists(const std::string& path) const {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}
std::vector<std::string> Site::names(const std::string& directory) const {
    std::vector<std::string> out;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored))
        out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
}
std::string Site::mode(const std::string& path) const {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? text::octal(status.st_mode & 07777U) : "absent";
}

void Site::open_procfs() {
    auto procfs = sys::Procfs::open();
    if (good(procfs, "opening a procfs")) procfs_ = std::move(*procfs);
}

std::vector<MountInfo> Site::mounts() const {
    std::vector<MountInfo> out;
    auto text = procfs_.fd() ? procfs_.read("self/mountinfo") : sys::read_file("/proc/self/mountinfo");
    for (const auto& line : words(text ? *text : "", '\n')) {
        const auto halves = line.find(" - ");
        const auto left = words(line.substr(0, halves), ' ');
        const auto right = words(line.substr(halves + 3), ' ');
        out.push_back({.point = left.at(4),
                       .root = left.at(3),
                       .options = words(left.at(5), ','),
                       .optional = {left.begin() + 6, left.end()},
                       .fs_type = right.at(0),
                       .superblock_options = words(right.size() > 2 ? right.at(2) : "", ',')});
    }
    return out;
}

std::optional<MountInfo> Site::mount_at(const std::string& path) const {
    std::optional<MountInfo> found;
    for (auto& mount : mounts())
        if (mount.point == path) found = std::move(mount);
    return found;
}

std::string run(const Scenario& scenario) {
    const arca::test::TemporaryDirectory base;
    const auto flags = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    return in_namespaces(flags, [&] { return play_host(scenario, base.path()); });
}

void expect_good(const Scenario& scenario) {
    const auto report = run(scenario);
    if (report.starts_with("SKIP: ")) GTEST_SKIP() << report.substr(6);
    EXPECT_EQ(report, "");
}

Plan plan_for(const Site& site, Identity identity) {
    Plan plan;
    plan.rootfs = site.rootfs();
    plan.bundle = site.on_host("");
    plan.private_cgroup_namespace = true;
    plan.bind_devices = plan.new_user_namespace = identity == Identity::NewUserNamespace;
    return plan;
}

MountStep bind_step(std::string source, std::string destination) {
    MountStep step;
    step.kind = MountStep::Kind::Bind;
    step.source = std::move(source);
    step.destination = std::move(destination);
    step.pointer = "/mounts/0";
    return step;
}

MountStep filesystem_step(std::string type, std::string destination, std::vector<std::string> data) {
    MountStep step;
    step.kind = type == "sysfs"    ? MountStep::Kind::Sysfs
                : type == "mqueue" ? MountStep::Kind::Mqueue
                : type == "cgroup" ? MountStep::Kind::Cgroup
                                   : MountStep::Kind::Filesystem;
    step.source = type;
    step.fs_type = std::move(type);
    step.destination = std::move(destination);
    step.data = std::move(data);
    step.pointer = "/mounts/0";
    return step;
}

std::optional<sys::RootDir> mount_all(Site& site, const Plan& plan, KernelViews* views) {
    auto root = prepare_root(plan);
    if (!site.good(root, "prepare_root")) return {};
    Sources sources;
    auto made = make_mounts(plan, *root, sources);
    if (!site.good(made, "make_mounts")) return {};
    if (views != nullptr) *views = std::move(*made);
    if (!site.good(make_devices(plan, *root, sources), "make_devices")) return {};
    return std::move(*root);
}

std::optional<sys::RootDir> enter(Site& site, const Plan& plan, KernelViews* views) {
    auto root = mount_all(site, plan, views);
    if (!root) return {};
    auto entered = enter_root(plan, *root);
    if (!site.good(entered, "enter_root")) return {};
    return std::move(*entered);
}

bool seal(Site& site, const Plan& plan) {
    KernelViews views;
    auto root = enter(site, plan, &views);
    return root && site.good(seal_root(plan, *root, views), "seal_root");
}

}  // namespace arca::mounts::test
