// What attacks need: something of the host to look at afterwards, and somebody who exchanges names meanwhile.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace integration {

/// A directory of the host that an attack aims at, and what no container may change: the kernel's core_pattern, the
/// host's devices, the runtime's program.
class Canary {
  public:
    explicit Canary(std::filesystem::path directory);

    const std::filesystem::path& path() const { return path_; }
    /// Fails the test when anything of it has changed, mount points on it included.
    void expect_alive() const;

  private:
    std::string describe() const;

    std::filesystem::path path_;
    std::string before_;
};

/// A process that exchanges two names (renameat2(2), RENAME_EXCHANGE) as fast as it can, as another container that
/// shares the volume would, until it goes out of scope.
class Swapper {
  public:
    Swapper(const std::filesystem::path& one, const std::filesystem::path& other);
    ~Swapper();
    Swapper(const Swapper&) = delete;
    Swapper& operator=(const Swapper&) = delete;

  private:
    pid_t pid_;
};

/// How long each race of the attack suite lasts: ARCA_TEST_RACE_SECONDS, else a moment that the default run can afford.
double race_seconds();

}  // namespace integration
