#include "mounts/views.hpp"

#include <gtest/gtest.h>

namespace arca::mounts {
namespace {

KernelViews views_at(const std::vector<std::string>& destinations) {
    KernelViews views;
    for (const auto& destination : destinations)
        views.push_back({destination, sys::RootDir(sys::Fd(), "view of " + destination)});
    return views;
}

/// "ROOT: PATH" of where `path` is looked up.
std::string place(std::string_view path, const KernelViews& views) {
    const sys::RootDir root(sys::Fd(), "root");
    const auto found = place_of(path, root, views);
    return found.root.display() + ": " + std::string(found.path);
}

TEST(Views, LeadToWhatLiesBelowThem) {
    const auto views = views_at({"/proc", "/sys"});
    EXPECT_EQ(place("/proc/kcore", views), "view of /proc: /kcore");
    EXPECT_EQ(place("/sys/firmware/acpi", views), "view of /sys: /firmware/acpi");
    EXPECT_EQ(place("/proc", views), "root: /proc") << "the mount point itself is the root's";
    EXPECT_EQ(place("/process/x", views), "root: /process/x");
    EXPECT_EQ(place("/etc/proc/x", views), "root: /etc/proc/x");
}

TEST(Views, TheDeepestCounts) {
    const auto views = views_at({"/proc", "/proc/sys"});
    EXPECT_EQ(place("/proc/sys/kernel", views), "view of /proc/sys: /kernel");
    EXPECT_EQ(place("/proc/keys", views), "view of /proc: /keys");
}

TEST(Views, ThatAreCoveredAreForgotten) {
    for (const char* cover : {"/proc", "/", "/proc/sys"}) {
        auto views = views_at({"/proc", "/proc/sys"});
        forget_covered(views, cover);
        EXPECT_EQ(views.size(), cover == std::string("/proc/sys") ? 1U : 0U) << cover;
    }
    auto views = views_at({"/proc"});
    forget_covered(views, "/proc/meminfo");
    forget_covered(views, "/pro");
    EXPECT_EQ(views.size(), 1U);
}

}  // namespace
}  // namespace arca::mounts
