#include "container.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

namespace integration {

namespace {
std::string unique_id() {
    static int count = 0;
    return "it-" + std::to_string(getpid()) + "-" + std::to_string(count++);
}

std::size_t count_mounts() {
    return lines(read_file("/proc/self/mountinfo")).size();
}

Arguments with_globals(const std::filesystem::path& root, const Arguments& words) {
    Arguments argv = {facts().runtime, "--root", root.string()};
    // Callers leave it out later, so what is made has to remember it.
    const bool makes = !words.empty() && (words[0] == "create" || words[0] == "run");
    if (facts().systemd_manager && makes) argv.push_back("--systemd-cgroup");
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}
}  // namespace

Command runtime_command(const std::filesystem::path& root, const Arguments& words) {
    return Command(with_globals(root, words));
}

Container::Container(std::filesystem::path root, Bundle& its_bundle, std::string its_id)
    : bundle(its_bundle), id(std::move(its_id)), root_(std::move(root)) {}

void Container::take_fresh_output_files() {
    static int count = 0;
    std::string name = "output" + std::to_string(count++);
    out_ = bundle.path().parent_path() / (name + ".out");
    err_ = bundle.path().parent_path() / (name + ".err");
}

Container::~Container() {
    if (std::filesystem::exists(root_ / id)) remove({"--force"});
}

Command Container::create_command(const Arguments& options) {
    bundle.write();
    take_fresh_output_files();
    Arguments words = {"create", "--bundle", bundle.path().string()};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(id);
    return runtime_command(root_, words).output_files(out_, err_);
}

Command Container::run_command(const Arguments& options) {
    bundle.write();
    take_fresh_output_files();
    Arguments words = {"run", "--bundle", bundle.path().string()};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(id);
    return runtime_command(root_, words).output_files(out_, err_);
}

Command Container::exec_command(const Arguments& words, const Arguments& options) {
    Arguments argv = {"exec"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(id);
    argv.insert(argv.end(), words.begin(), words.end());
    return runtime_command(root_, argv);
}

Output Container::kill(const std::string& signal, const Arguments& options) {
    Arguments words = {"kill"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {id, signal});
    return call(words);
}

Output Container::update(const Arguments& options) {
    Arguments words = {"update"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(id);
    return call(words);
}

Output Container::update_with(const Json& resources, const Arguments& options) {
    Arguments words = {"update", "--resources", "-"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(id);
    return runtime_command(root_, words).input(resources.dump()).run();
}

Output Container::remove(const Arguments& options) {
    Arguments words = {"delete"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(id);
    return runtime_command(root_, words).run(Reaping::Adopted);
}

Json Container::state() {
    Output output = call({"state", id});
    return output.ok() ? Json::parse(output.out, nullptr, false) : Json();
}

std::string Container::status() {
    Json now = state();
    return now.is_object() ? now.value("status", "") : "";
}

pid_t Container::pid() {
    Json now = state();
    return now.is_object() ? now.value("pid", 0) : 0;
}

int Container::wait_for_init(pid_t init) {
    int status = -1;
    eventually([&] { return (status = adopted_status(init)) != -1; });
    if (status == -1) ADD_FAILURE() << "init " << init << " did not end";
    return status;
}

std::filesystem::path Container::cgroup() const {
    const auto& linux_block = bundle.config["linux"];
    if (!facts().cgroup_v2 || !linux_block.contains("cgroupsPath")) return {};
    const auto path = linux_block["cgroupsPath"].get<std::string>();
    if (!path.starts_with(':')) return "/sys/fs/cgroup" + path;
    return "/sys/fs/cgroup/system.slice/arca-it-" + path.substr(path.rfind(':') + 1) + ".scope";
}

ContainerTest::ContainerTest() : bundle(work / "bundle"), container(work / "state", bundle, unique_id()) {}
ContainerTest::~ContainerTest() = default;

void ContainerTest::SetUp() {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    mounts_before_ = count_mounts();
    REQUIRE(facts().root || (geteuid() != 0 && facts().user_namespaces), "needs root or user namespaces");
}

void ContainerTest::TearDown() {
    if (std::filesystem::exists(root() / container.id)) {
        Output removed = container.remove({"--force"});
        EXPECT_TRUE(removed.ok()) << removed;
    }
    EXPECT_EQ(reap_all(), 0) << "processes outlived their container";
    if (std::filesystem::exists(root())) {
        for (const auto& entry : std::filesystem::directory_iterator(root())) {
            std::string name = entry.path().filename();
            EXPECT_TRUE(name.starts_with(".")) << "left in the state root: " << name;
        }
    }
    if (auto cgroup = container.cgroup(); !cgroup.empty()) {
        EXPECT_FALSE(std::filesystem::exists(cgroup)) << "left: " << cgroup;
    }
    EXPECT_EQ(count_mounts(), mounts_before_) << "mounts leaked into the runtime's mount namespace";
}

Printed ContainerTest::probe_all(const Arguments& words) {
    Arguments args = {"/bin/probe"};
    args.insert(args.end(), words.begin(), words.end());
    bundle.args(args);
    Output output = container.run();
    EXPECT_TRUE(output.ok()) << output;
    return parse_lines(output.out);
}

Json ContainerTest::probe(const Arguments& words) {
    return probe_all(words)[0];
}

void ContainerTest::start_probe(const Arguments& words, const std::string& until) {
    Arguments args = {"/bin/probe"};
    args.insert(args.end(), words.begin(), words.end());
    bundle.args(args);
    Output created = container.create();
    ASSERT_TRUE(created.ok()) << created;
    Output started = container.start();
    ASSERT_TRUE(started.ok()) << started << container.errors();
    if (!until.empty()) {
        ASSERT_TRUE(container.says(until)) << container.output() << container.errors();
    }
}

Json ContainerTest::exec_probe(const Arguments& words, const Arguments& options) {
    Arguments argv = {"/bin/probe"};
    argv.insert(argv.end(), words.begin(), words.end());
    Output output = container.exec(argv, options);
    EXPECT_TRUE(output.ok()) << output;
    return parse_lines(output.out)[0];
}

void ContainerTest::expect_create_fails(const std::string& text) {
    Output output = container.create();
    EXPECT_EQ(output.status, 1) << output;
    EXPECT_TRUE(contains(output.err, text)) << "wanted: " << text << "\n" << output;
    EXPECT_FALSE(output.err.empty()) << "a failure must say why";
    EXPECT_FALSE(std::filesystem::exists(root() / container.id)) << "state of a container that was never made";
}

Printed parse_lines(const std::string& text) {
    Printed objects;
    for (const auto& line : lines(text)) {
        Json object = Json::parse(line, nullptr, false);
        if (object.is_discarded()) {
            ADD_FAILURE() << "not JSON: " << line;
            continue;
        }
        objects.add(object);
    }
    return objects;
}

namespace {
std::vector<std::string> fields_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> fields;
    for (std::string field; stream >> field;)
        fields.push_back(field);
    return fields;
}
}  // namespace

std::string mount_line(const Json& mounts, const std::string& point) {
    std::string found;
    if (!mounts.is_object()) return "";
    for (const std::string line : mounts.at("mountinfo")) {
        if (fields_of(line).at(4) == point) found = line;
    }
    return found;
}

std::string mount_options(const Json& mounts, const std::string& point) {
    auto fields = fields_of(mount_line(mounts, point));
    if (fields.size() < 6) return "";
    return "," + fields[5] + "," + fields.back() + ",";
}

int reap_all() {
    int alive = 0;
    // What was just killed needs a moment to become a zombie.
    eventually(
        [] {
            reap_adopted();
            return adopted_children().empty();
        },
        3);
    for (pid_t pid : adopted_children()) {
        ADD_FAILURE() << "left process " << pid << " " << read_file("/proc/" + std::to_string(pid) + "/comm");
        ::kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        ++alive;
    }
    return alive;
}

}  // namespace integration
