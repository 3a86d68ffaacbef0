#include "attack.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "facts.hpp"
#include "files.hpp"

namespace integration {

namespace {
/// Names below a directory with what they are; without what changes by itself.
std::string tree(const std::filesystem::path& directory) {
    std::vector<std::string> entries;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        struct stat status {};
        ::lstat(entry.path().c_str(), &status);
        entries.push_back(entry.path().string() + " " + std::to_string(status.st_mode) + " " +
                          std::to_string(status.st_uid) + " " + std::to_string(status.st_ino) +
                          (S_ISREG(status.st_mode) ? " " + read_file(entry.path()) : ""));
    }
    std::sort(entries.begin(), entries.end());
    std::string text;
    for (const auto& entry : entries)
        text += entry + "\n";
    return text;
}

std::string names_of_devices() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/dev"))
        names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    std::string text;
    for (const auto& name : names)
        text += name + " ";
    return text;
}
}  // namespace

Canary::Canary(std::filesystem::path directory) : path_(std::move(directory)) {
    std::filesystem::create_directories(path_ / "directory");
    write_file(path_ / "file", "alive");
    before_ = describe();
}

std::string Canary::describe() const {
    struct stat status {};
    ::stat(path_.c_str(), &status);
    // Whoever writes to a file changes its ctime, which nobody can set; with sanitizers it is too large to be read
    // often.
    struct stat program {};
    ::stat(facts().runtime.c_str(), &program);
    return tree(path_) + std::to_string(status.st_mode) + "\ncore_pattern " +
           read_file("/proc/sys/kernel/core_pattern") + "devices " + names_of_devices() + "\nprogram " +
           std::to_string(program.st_ino) + " " + std::to_string(program.st_ctim.tv_sec) + "." +
           std::to_string(program.st_ctim.tv_nsec) + "\n";
}

void Canary::expect_alive() const {
    EXPECT_EQ(describe(), before_) << "the host was changed";
    EXPECT_FALSE(contains(read_file("/proc/self/mountinfo"), " " + path_.string())) << "something is mounted there";
}

Swapper::Swapper(const std::filesystem::path& one, const std::filesystem::path& other) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        ::syscall(SYS_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
}

Swapper::~Swapper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

double race_seconds() {
    constexpr double kDefault = 1;
    const char* value = std::getenv("ARCA_TEST_RACE_SECONDS");
    return value != nullptr ? std::atof(value) : kDefault;
}

}  // namespace integration
