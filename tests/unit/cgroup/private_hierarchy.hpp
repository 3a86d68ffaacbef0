// A view of the v2 hierarchy of this kernel, mounted where nobody else sees it, and processes to put into its cgroups.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "cgroup/cgroup.hpp"
#include "sys/process.hpp"

namespace arca::cgroup::testing_support {

/// Mount point of the private view; empty when it was refused, `reason` then says why.
const std::string& private_mount(std::string& reason);

/// A location of its own for every test; whatever is left below it is killed and removed at the end.
class CgroupTest : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// "/arca-unit-PID-N" + below.
    Location at(const std::string& below = "") const;
    Plan plan_at(const std::string& below = "") const;
    std::string directory(const std::string& below = "") const;
    std::string read(const std::string& file, const std::string& below = "") const;

  private:
    std::string mount_;
    std::string path_;
};

/// A child born in the cgroup (CLONE_INTO_CGROUP) that sleeps until it is killed.
sys::Child sleeper(const Cgroup& group);
/// The same that runs `body` and ends with its value.
sys::Child child_in(const Cgroup& group, const std::function<int()>& body);

}  // namespace arca::cgroup::testing_support
