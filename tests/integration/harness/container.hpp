// One container of one test, driven through the runtime's command line, and the fixture that checks that nothing of it
// is left when the test ends.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "command.hpp"
#include "facts.hpp"
#include "files.hpp"

namespace integration {

/// `runtime --root ROOT WORD...`, ready to be changed and run.
Command runtime_command(const std::filesystem::path& root, const Arguments& words);

class Container {
  public:
    Container(std::filesystem::path root, Bundle& bundle, std::string id);
    ~Container();
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    Bundle& bundle;
    const std::string id;

    /// The command with the words given, plus what the command line always needs (bundle, id); options go first.
    Command create_command(const Arguments& options = {});
    Command run_command(const Arguments& options = {});
    Command exec_command(const Arguments& words, const Arguments& options = {});

    Output create(const Arguments& options = {}) { return create_command(options).run(); }
    Output run(const Arguments& options = {}) { return run_command(options).run(); }
    Output exec(const Arguments& words, const Arguments& options = {}) { return exec_command(words, options).run(); }
    Output start() { return call({"start", id}); }
    Output kill(const std::string& signal, const Arguments& options = {});
    Output remove(const Arguments& options = {});
    Output update(const Arguments& options);
    /// With the resources on standard input.
    Output update_with(const Json& resources, const Arguments& options = {});
    Output call(const Arguments& words) { return runtime_command(root_, words).run(); }

    /// `state`, or null when there is no such container.
    Json state();
    std::string status();
    pid_t pid();
    bool reaches(const std::string& status) {
        return eventually([&] { return this->status() == status; });
    }

    /// What the container's process has written so far.
    std::string output() const { return read_file(out_); }
    std::string errors() const { return read_file(err_); }
    bool says(const std::string& text) const {
        return eventually([&] { return contains(output(), text); });
    }
    /// Status of the container's init, which is ours to reap: the runtime's processes are reparented to the tests.
    int wait_for_init(pid_t init);
    /// Directory of its cgroup; empty when it has none we know.
    std::filesystem::path cgroup() const;

  private:
    void take_fresh_output_files();

    std::filesystem::path root_, out_, err_;
};

/// What the probe's commands printed, in their order; null for those that did not get that far.
class Printed {
  public:
    void add(Json object) { objects_.push_back(std::move(object)); }
    Json operator[](std::size_t index) const { return index < objects_.size() ? objects_[index] : Json(); }
    std::size_t size() const { return objects_.size(); }
    auto begin() const { return objects_.begin(); }
    auto end() const { return objects_.end(); }

  private:
    std::vector<Json> objects_;
};

/// Every test that runs containers: a work directory, a state root, a bundle, a container; and in the end the check
/// that no process, cgroup, mount or state is left.
class ContainerTest : public testing::Test {
  protected:
    ContainerTest();
    ~ContainerTest() override;
    void SetUp() override;
    void TearDown() override;

    /// Runs the probe in the foreground and returns what each of its commands printed.
    Printed probe_all(const Arguments& words);
    Json probe(const Arguments& words);
    /// The container runs `probe WORD...` and is left running.
    void start_probe(const Arguments& words, const std::string& until = "ready");
    /// What exec'ing the probe in the running container prints.
    Json exec_probe(const Arguments& words, const Arguments& options = {});
    /// create fails, says `text` in its message, and leaves nothing.
    void expect_create_fails(const std::string& text = "");
    Output runtime(const Arguments& words) { return runtime_command(root(), words).run(); }

    std::filesystem::path root() const { return work.path() / "state"; }

    TemporaryDirectory work;
    Bundle bundle;
    Container container;

  private:
    std::size_t mounts_before_ = 0;
};

/// JSON objects, one a line; lines that are no JSON fail the test.
Printed parse_lines(const std::string& text);
/// Mount line of /proc/self/mountinfo with that mount point; empty when there is none.
std::string mount_line(const Json& mounts, const std::string& point);
/// Options of that mount, both of the mount and of the file system: ",ro,nosuid,...,".
std::string mount_options(const Json& mounts, const std::string& point);
/// Kills and reaps what was reparented to us; returns how many processes were still alive.
int reap_all();

}  // namespace integration
