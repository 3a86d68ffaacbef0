#include "identity.hpp"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "files.hpp"

namespace integration {

namespace {
constexpr unsigned kUser = 54321;

/// Copies the program that `variable` (or, without it, the build) names, and makes `variable` name the copy.
void copy_program(const char* variable, const char* fallback, const std::filesystem::path& directory) {
    const char* value = std::getenv(variable);
    std::filesystem::path from = value != nullptr && *value != '\0' ? value : fallback;
    std::filesystem::path to = directory / from.filename();
    std::filesystem::copy_file(from, to);
    setenv(variable, to.c_str(), 1);
}
}  // namespace

void take_wanted_identity() {
    const char* wanted = std::getenv("ARCA_TEST_IDENTITY");
    if (wanted == nullptr || std::string(wanted) != "unprivileged" || geteuid() != 0) return;
    static TemporaryDirectory home;
    copy_program("ARCA_TEST_RUNTIME", ARCA_TEST_RUNTIME, home.path());
    copy_program("ARCA_TEST_PROBE", ARCA_TEST_PROBE, home.path());
    auto runtime_directory = home / "run";
    std::filesystem::create_directory(runtime_directory);
    for (const auto& path : {home.path(), runtime_directory}) {
        if (chown(path.c_str(), kUser, kUser) != 0) perror("chown");
    }
    setenv("XDG_RUNTIME_DIR", runtime_directory.c_str(), 1);
    setenv("TMPDIR", "/tmp", 1);
    if (setgroups(0, nullptr) != 0 || setresgid(kUser, kUser, kUser) != 0 || setresuid(kUser, kUser, kUser) != 0) {
        perror("cannot become an ordinary user");
        exit(1);
    }
    // Changing ids made /proc/self ours no longer (proc(5)); user namespaces are set up through it.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

}  // namespace integration
