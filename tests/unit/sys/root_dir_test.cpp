#include "sys/root_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "../support/deny_syscall.hpp"
#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"
#include "sys/syscalls.hpp"
#include "sys/walk.hpp"

namespace arca::sys {
namespace {

namespace fs = std::filesystem;

/// base/root is the root, base/outside must never be touched.
class RootDirTest : public ::testing::Test {
  protected:
    ~RootDirTest() override {
        EXPECT_EQ(std::distance(fs::directory_iterator(base_ / "outside"), fs::directory_iterator()), 1);
        EXPECT_EQ(fs::file_size(base_ / "outside/canary"), 5u);
    }

    std::string root_path(std::string_view path) const { return (base_ / "root") + std::string(path); }
    std::string outside() const { return base_ / "outside"; }
    void link(std::string_view path, const std::string& target) const {
        ASSERT_EQ(::symlink(target.c_str(), root_path(path).c_str()), 0);
    }
    /// Path of what a descriptor refers to, as seen from the root; the error otherwise.
    std::string place(const Result<Fd>& fd) const {
        if (!fd) return errno_name(fd.error().errnum());
        const auto path = readlinkat(FdRef::working_directory(), fd_path(*fd)).value();
        const auto prefix = root_path("");
        if (path == prefix) return "/";
        return path.starts_with(prefix + "/") ? path.substr(prefix.size()) : "OUTSIDE " + path;
    }
    std::string mode(std::string_view path) const {
        struct stat status {};
        return ::lstat(root_path(path).c_str(), &status) == 0 ? text::octal(status.st_mode & 07777U) : "absent";
    }

    const arca::test::TemporaryDirectory base_;
    const RootDir root_ = build();

  private:
    RootDir build() const {
        fs::create_directories(root_path("/etc"));
        fs::create_directory(outside());
        base_.file("outside/canary", "alive");
        base_.file("root/etc/passwd", "inside");
        return RootDir::open(root_path("")).value();
    }
};

// ---- open -----------------------------------------------------------------------------------------------------------

TEST_F(RootDirTest, OpensByAbsoluteAndRelativePaths) {
    EXPECT_EQ(place(root_.open("/etc/passwd", O_RDONLY)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("etc/passwd", O_RDONLY)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("//etc//./passwd", O_RDONLY)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("/etc/", O_PATH)), "/etc");
    EXPECT_EQ(place(root_.open("/", O_PATH)), "/");
    EXPECT_EQ(place(root_.open("", O_PATH)), "/");
    EXPECT_EQ(place(root_.open("/missing", O_PATH)), "ENOENT");
    EXPECT_EQ(place(root_.open("/etc/passwd/x", O_PATH)), "ENOTDIR");
}

TEST_F(RootDirTest, DotsCannotClimbOut) {
    EXPECT_EQ(place(root_.open("..", O_PATH)), "/");
    EXPECT_EQ(place(root_.open("/../../../..", O_PATH)), "/");
    EXPECT_EQ(place(root_.open("/etc/../../etc/passwd", O_PATH)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("../outside/canary", O_PATH)), "ENOENT");
}

TEST_F(RootDirTest, LinksAreFollowedWithinTheRoot) {
    link("/absolute", "/etc/passwd");
    link("/relative", "etc/passwd");
    link("/etc/up", "../../../../etc");
    link("/out", outside());
    link("/climbing", "../outside");
    EXPECT_EQ(place(root_.open("/absolute", O_PATH)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("/relative", O_PATH)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("/etc/up/up/passwd", O_PATH)), "/etc/passwd");
    EXPECT_EQ(place(root_.open("/out/canary", O_PATH)), "ENOENT");
    EXPECT_EQ(place(root_.open("/climbing/canary", O_PATH)), "ENOENT");
}

TEST_F(RootDirTest, MagicLinksAreRefused) {
    const auto proc = RootDir::open("/proc").value();
    EXPECT_EQ(proc.open("/self/cwd", O_PATH).error().errnum(), ELOOP);
    EXPECT_EQ(proc.open("/self/root/etc", O_PATH).error().errnum(), ELOOP);
}

TEST_F(RootDirTest, NofollowLooksAtTheLastComponentOnly) {
    link("/directory", "etc");
    link("/etc/link", "passwd");
    EXPECT_EQ(place(root_.open_nofollow("/directory/passwd", O_PATH)), "/etc/passwd");
    EXPECT_EQ(place(root_.open_nofollow("/etc/link", O_PATH)), "ELOOP");
    EXPECT_EQ(place(root_.open_nofollow("/etc/link", O_RDONLY)), "ELOOP");
    // A slash at the end would follow the link.
    EXPECT_EQ(place(root_.open_nofollow("/directory/", O_PATH)), "ELOOP");
}

// ---- make_directories -----------------------------------------------------------------------------------------------

TEST_F(RootDirTest, MakesWhatIsMissing) {
    const auto umask = ::umask(0);
    EXPECT_EQ(place(root_.make_directories("/a/b/c/", 0751)), "/a/b/c");
    ::umask(umask);
    EXPECT_EQ(mode("/a"), "0751");
    EXPECT_EQ(mode("/a/b/c"), "0751");
    EXPECT_EQ(place(root_.make_directories("a/b/c/d", 0755)), "/a/b/c/d");
    EXPECT_EQ(place(root_.make_directories("/", 0755)), "/");
    EXPECT_EQ(place(root_.make_directories("/etc", 0700)), "/etc");
    EXPECT_EQ(mode("/a"), "0751") << "what exists keeps its mode";
}

TEST_F(RootDirTest, MakesNothingOutside) {
    link("/out", outside());
    link("/climbing", "../../outside");
    EXPECT_EQ(place(root_.make_directories("/out/new", 0755)), outside() + "/new");
    EXPECT_EQ(place(root_.make_directories("/climbing/new", 0755)), "/outside/new");
    EXPECT_EQ(place(root_.make_directories("/../../x/../y", 0755)), "/y");
}

TEST_F(RootDirTest, DanglingDirectoriesAreMadeWhereTheyPoint) {
    link("/one", "/target/deep");
    link("/two", "one");
    link("/etc/three", "../sideways/./x/..//y");
    EXPECT_EQ(place(root_.make_directories("/two/below", 0755)), "/target/deep/below");
    EXPECT_EQ(place(root_.make_directories("/etc/three", 0755)), "/sideways/y");
}

TEST_F(RootDirTest, CirclesEnd) {
    link("/a", "b");
    link("/b", "a");
    link("/c", "c/x");
    EXPECT_EQ(place(root_.make_directories("/a/x", 0755)), "ELOOP");
    EXPECT_EQ(place(root_.make_directories("/c", 0755)), "ELOOP");
    EXPECT_EQ(place(root_.make_file("/a", 0644)), "ELOOP");
}

TEST_F(RootDirTest, AFileInTheWayIsAnError) {
    link("/link", "etc/passwd");
    EXPECT_EQ(place(root_.make_directories("/etc/passwd", 0755)), "ENOTDIR");
    EXPECT_EQ(place(root_.make_directories("/etc/passwd/x", 0755)), "ENOTDIR");
    EXPECT_EQ(place(root_.make_directories("/link/x", 0755)), "ENOTDIR");
}

// ---- make_parent ----------------------------------------------------------------------------------------------------

TEST_F(RootDirTest, SplitsOffTheLastName) {
    struct Case {
        const char* path;
        const char* directory;
        const char* name;
    };
    for (const auto& expected : {Case{"/etc/x", "/etc", "x"}, Case{"/etc/x//", "/etc", "x"}, Case{"x", "/", "x"},
                                 Case{"/new/deep/x", "/new/deep", "x"}, Case{"/", "/", "."}, Case{"", "/", "."}}) {
        auto parent = root_.make_parent(expected.path, 0755);
        ASSERT_TRUE(parent) << expected.path;
        EXPECT_EQ(parent->name, expected.name) << expected.path;
        EXPECT_EQ(place(Result<Fd>(std::move(parent->directory))), expected.directory) << expected.path;
    }
    EXPECT_EQ(root_.make_parent("/etc/..", 0755).error().errnum(), EINVAL);
}

// ---- make_file ------------------------------------------------------------------------------------------------------

TEST_F(RootDirTest, MakesAnEmptyFile) {
    const auto umask = ::umask(0);
    EXPECT_EQ(place(root_.make_file("/x/y/file", 0640)), "/x/y/file");
    ::umask(umask);
    EXPECT_EQ(mode("/x/y/file"), "0640");
    EXPECT_EQ(fs::file_size(root_path("/x/y/file")), 0u);
    EXPECT_EQ(place(root_.make_file("/etc/passwd", 0644)), "/etc/passwd");
    EXPECT_EQ(fs::file_size(root_path("/etc/passwd")), 6u) << "what exists is kept";
    EXPECT_EQ(place(root_.make_file("/etc", 0644)), "/etc") << "a directory is left alone";
    EXPECT_EQ(place(root_.make_file("/trailing/", 0644)), "/trailing");
}

TEST_F(RootDirTest, DanglingFilesAreMadeWhereTheyPoint) {
    link("/absolute", outside() + "/new");
    link("/climbing", "../../outside/new");
    link("/etc/relative", "../made/file/");
    link("/chain", "chain2");
    link("/chain2", "/far/away/file");
    EXPECT_EQ(place(root_.make_file("/absolute", 0644)), outside() + "/new");
    EXPECT_EQ(place(root_.make_file("/climbing", 0644)), "/outside/new");
    EXPECT_EQ(place(root_.make_file("/etc/relative", 0644)), "/made/file");
    EXPECT_EQ(place(root_.make_file("/chain", 0644)), "/far/away/file");
    EXPECT_TRUE(fs::is_regular_file(root_path("/far/away/file")));
}

// The same tests once more, in a process for which openat2(2) is refused.
TEST(RootDirWithoutOpenat2, HoldsAllTheSame) {
    for (int errnum : {ENOSYS, EPERM}) {
        const auto problem = test::in_child([errnum]() -> std::string {
            if (!test::deny_syscall(SYS_openat2, static_cast<unsigned>(errnum))) return "no filter could be set";
            const int log = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
            ::dup2(log, STDOUT_FILENO);
            const char* argv[] = {"unit_sys", "--gtest_filter=RootDirTest.*", nullptr};
            const pid_t pid = ::fork();
            if (pid == 0) {
                ::execv("/proc/self/exe", const_cast<char**>(argv));
                ::_exit(99);
            }
            int status = 0;
            ::waitpid(pid, &status, 0);
            return status == 0 ? "" : "status " + std::to_string(status);
        });
        EXPECT_EQ(problem, "") << errno_name(errnum);
    }
}

TEST(WalkWithoutOpenat2, KeepsWhatRESOLVEAsksFor) {
    const auto procfs = sys::open("/proc", O_PATH | O_DIRECTORY).value();
    const auto errnum = [](const Result<Fd>& fd) { return fd ? 0 : fd.error().errnum(); };
    EXPECT_EQ(errnum(walk(procfs, "self/stat", O_RDONLY, RESOLVE_BENEATH)), 0);
    EXPECT_EQ(errnum(walk(procfs, "self/stat", O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)), ELOOP);
    EXPECT_EQ(errnum(walk(procfs, "self/exe", O_PATH, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)), ELOOP);
    EXPECT_EQ(errnum(walk(procfs, "self/root/etc", O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)), ELOOP);
    EXPECT_EQ(errnum(walk(procfs, "../etc", O_PATH, RESOLVE_BENEATH)), EXDEV);
    EXPECT_EQ(errnum(walk(procfs, "/etc", O_PATH, RESOLVE_BENEATH)), EXDEV);
    EXPECT_EQ(errnum(walk(procfs, "sys/../../etc", O_PATH, RESOLVE_BENEATH)), EXDEV);
    const auto root = sys::open("/", O_PATH | O_DIRECTORY).value();
    EXPECT_EQ(errnum(walk(root, "proc/stat", O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV)), EXDEV);
    EXPECT_EQ(errnum(walk(root, "proc/stat", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH)), ENOTDIR);
    EXPECT_EQ(errnum(walk(root, "", O_PATH, RESOLVE_IN_ROOT)), ENOENT);
    EXPECT_EQ(errnum(walk(root, "../../proc/./", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT)), 0);
}

TEST_F(RootDirTest, OpensOnlyDirectoriesAsRoots) {
    EXPECT_EQ(RootDir::open(root_path("/etc/passwd")).error().errnum(), ENOTDIR);
    EXPECT_EQ(RootDir::open(root_path("/missing")).error().errnum(), ENOENT);
    EXPECT_EQ(root_.display(), root_path(""));
}

}  // namespace
}  // namespace arca::sys
