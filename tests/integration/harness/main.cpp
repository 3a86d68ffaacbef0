// Runs the integration tests in a view of the host of their own: private mounts, unified cgroups.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

#include "facts.hpp"
#include "identity.hpp"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    umask(022);
    // For the runtime: the leak check ptraces from a child, which it cannot once `exec` has entered a pid namespace.
    setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
    if (!testing::GTEST_FLAG(list_tests)) {
        integration::enter_private_view();
        integration::take_wanted_identity();
        const auto& f = integration::facts();
        printf("runtime %s (version %d.%d.%d), %s, cgroup v2 %s\n", f.runtime.c_str(), f.major, f.minor, f.patch,
               f.root ? "root" : "not root", f.cgroup_v2 ? "yes" : "no");
    }
    return RUN_ALL_TESTS();
}
