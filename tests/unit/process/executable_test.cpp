#include "process/executable.hpp"

#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstring>
#include <regex>

#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"

namespace arca::process {
namespace {

using testing::HasSubstr;

template<class Value>
std::string bytes_of(const Value& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// An ELF64 file for `machine` with one program header: PT_INTERP naming `loader`, or PT_NULL without one.
std::string elf(unsigned machine, const std::string& loader) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_machine = static_cast<Elf64_Half>(machine);
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    Elf64_Phdr interp{};
    interp.p_type = loader.empty() ? PT_NULL : PT_INTERP;
    interp.p_offset = sizeof header + sizeof interp;
    interp.p_filesz = loader.size() + 1;
    return bytes_of(header) + bytes_of(interp) + loader + '\0';
}

#if defined(__x86_64__)
constexpr unsigned kNative = EM_X86_64;
constexpr unsigned kForeign = EM_AARCH64;
constexpr const char* kForeignName = "aarch64";
#else
constexpr unsigned kNative = EM_AARCH64;
constexpr unsigned kForeign = EM_X86_64;
constexpr const char* kForeignName = "x86_64";
#endif

/// What the kernel itself says: the errno of execve, 0 when the program ran.
int try_to_execute(const std::string& path) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};
        char* environment[] = {nullptr};
        ::execve(path.c_str(), arguments, environment);
        const int problem = errno;
        [[maybe_unused]] auto written = ::write(ends[1], &problem, sizeof problem);
        ::_exit(0);
    }
    ::close(ends[1]);
    int problem = 0;
    EXPECT_GE(::read(ends[0], &problem, sizeof problem), 0);
    ::close(ends[0]);
    ::waitpid(pid, nullptr, 0);
    return problem;
}

/// How docker (127, 126) and podman read an error text.
enum class EngineClass { NotFound, Permission, Other };

EngineClass classify(const std::string& message) {
    const std::regex permission("permission denied|operation not permitted", std::regex::icase);
    const std::regex not_found("executable file not found|no such file or directory", std::regex::icase);
    if (std::regex_search(message, permission)) return EngineClass::Permission;
    return std::regex_search(message, not_found) ? EngineClass::NotFound : EngineClass::Other;
}

EngineClass expected_class(Code code) {
    if (code == Code::ExecNotFound) return EngineClass::NotFound;
    return code == Code::ExecPermission ? EngineClass::Permission : EngineClass::Other;
}

class Executable : public testing::Test {
  protected:
    /// The kernel's verdict on `path` is `errnum`, ours is the same, with `cause` in the text.
    void expect(const std::string& path, int errnum, Code code, const std::string& phrase, const std::string& cause) {
        EXPECT_EQ(try_to_execute(path), errnum) << path << ": the kernel says " << strerrorname_np(errno);
        const auto explained = explain_exec_failure(path, errnum);
        EXPECT_EQ(explained.code(), code);
        EXPECT_THAT(explained.message(), HasSubstr("exec \"" + path + "\": " + phrase));
        EXPECT_THAT(explained.message(), HasSubstr(cause));
        EXPECT_EQ(classify(explained.message()), expected_class(code)) << explained.message();
        auto foreseen = foresee_exec_failure(path);
        ASSERT_TRUE(foreseen) << path;
        EXPECT_EQ(foreseen->message(), explained.message());
        EXPECT_EQ(check_executable(path).has_value(), errnum == ENOEXEC) << path;
    }
    void expect_not_found(const std::string& path, const std::string& cause) {
        expect(path, ENOENT, Code::ExecNotFound, "no such file or directory", cause);
    }
    void expect_refused(const std::string& path, const std::string& cause) {
        expect(path, EACCES, Code::ExecPermission, "permission denied", cause);
    }
    void expect_bad_format(const std::string& path, const std::string& cause) {
        expect(path, ENOEXEC, Code::ExecFailed, "exec format error", cause);
    }
    std::string program(std::string_view name, std::string_view content) {
        return directory_.file(name, content, 0755);
    }
    test::TemporaryDirectory directory_;
};

// ---- the twelve

TEST_F(Executable, Absent) {
    const auto path = directory_ / "none";
    expect(path, ENOENT, Code::ExecNotFound, "no such file or directory", "");
    EXPECT_EQ(explain_exec_failure(path, ENOENT).message(), "exec \"" + path + "\": no such file or directory");
}

TEST_F(Executable, NotInPath) {
    auto found = find_executable("no-such-program", "/usr/bin:" + directory_.path());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Code::ExecNotFound);
    EXPECT_EQ(found.error().message(), "exec: \"no-such-program\": executable file not found in $PATH");
}

TEST_F(Executable, WithoutExecuteBit) {
    expect_refused(directory_.file("run", "#!/bin/sh\n", 0644), "has no execute bit (mode 0644)");
}

TEST_F(Executable, Directory) {
    expect_refused(directory_.path(), "\"" + directory_.path() + "\" is a directory");
}

TEST_F(Executable, ScriptWithoutItsInterpreter) {
    const auto path = program("run.sh", "#!/no/bash -e\necho\n");
    expect_not_found(path, "interpreter \"/no/bash\" of \"" + path + "\" is absent");
    expect_not_found(program("two", "#! \t/bin/none\n"),
                     "interpreter \"/bin/none\" of \"" + (directory_ / "two") + "\" is absent");
}

TEST_F(Executable, ScriptWithWindowsLineEnds) {
    const auto path = program("crlf.sh", "#!/bin/sh\r\necho hello\r\n");
    expect_not_found(path, "the first line of \"" + path + "\" ends in a carriage return (Windows line ends)");
}

TEST_F(Executable, ScriptWithoutShebang) {
    expect_bad_format(program("plain", "echo hello\n"), "is a text file whose first line does not begin with \"#!\"");
}

TEST_F(Executable, ElfWithoutItsLoader) {
    const auto path = program("app", elf(kNative, "/lib/ld-musl-none.so.1"));
    expect_not_found(
        path, "ELF loader \"/lib/ld-musl-none.so.1\" of \"" + path + "\" is absent: the program was built for musl");
}

TEST_F(Executable, TruncatedElf) {
    const auto whole = elf(kNative, "/lib/ld.so");
    expect_bad_format(program("short", whole.substr(0, 20)), "is a truncated ELF file of 20 bytes");
    expect_bad_format(program("headers", whole.substr(0, 70)), "its program headers are missing");
}

TEST_F(Executable, EmptyFile) {
    expect_bad_format(program("empty", ""), "is empty");
}

TEST_F(Executable, ForeignArchitecture) {
    const auto path = program("foreign", elf(kForeign, "/lib/ld-linux-none.so"));
    if (try_to_execute(path) != ENOEXEC) GTEST_SKIP() << "binfmt_misc has a handler";
    expect_bad_format(path, std::string("is built for ") + kForeignName + ", this machine runs ");
}

TEST_F(Executable, OnAMountWithNoexec) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs to mount";
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  if (::unshare(CLONE_NEWNS) < 0) return "unshare";
                  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
                  if (::mount("tmpfs", directory_.path().c_str(), "tmpfs", MS_NOEXEC, "") < 0) return "mount";
                  ::chmod(directory_.path().c_str(), 0755);
                  const auto path = program("run", "#!/bin/sh\n");
                  const auto message = explain_exec_failure(path, try_to_execute(path)).message();
                  const auto wanted =
                      "exec \"" + path + "\": permission denied (\"" + path + "\" is on a mount with noexec)";
                  if (message != wanted) return message;
                  auto found = find_executable(path, "");
                  return !found && found.error().hint().ends_with("noexec") ? "" : "find_executable accepts it";
              }));
}

// ---- beyond the twelve

TEST_F(Executable, GoodProgramsAreLeftAlone) {
    for (const auto& path : {std::string("/bin/sh"), std::string("/bin/true"), program("run", "#!/bin/sh\nexit 0\n"),
                             program("spaces", "#!  /bin/sh  -e \nexit 0\n"), program("bare", "#!/bin/sh")}) {
        EXPECT_TRUE(check_executable(path)) << path;
        EXPECT_FALSE(foresee_exec_failure(path)) << foresee_exec_failure(path)->message();
        EXPECT_EQ(try_to_execute(path), 0) << path;
        EXPECT_EQ(find_executable(path, "").value_or("?"), path);
    }
}

TEST_F(Executable, InterpreterThatIsAScriptIsFollowed) {
    const auto inner = program("inner", "#!/no-such-interpreter\n");
    const auto outer = program("outer", "#!" + inner + "\n");
    expect_not_found(
        outer, "interpreter \"/no-such-interpreter\" of interpreter \"" + inner + "\" of \"" + outer + "\" is absent");
}

TEST_F(Executable, InterpreterThatIsItselfIsNotFollowedForever) {
    const auto path = directory_ / "self";
    program("self", "#!" + path + "\n");
    EXPECT_EQ(try_to_execute(path), ELOOP);
    EXPECT_TRUE(check_executable(path));
    EXPECT_THAT(explain_exec_failure(path, ELOOP).message(), HasSubstr("(ELOOP)"));
}

TEST_F(Executable, InterpreterBehindAFile) {
    const auto plain = directory_.file("plain", "", 0644);
    const auto path = program("run", "#!" + plain + "/sh\n");
    const auto explained = explain_exec_failure(path, try_to_execute(path));
    EXPECT_THAT(explained.message(), HasSubstr("cannot be reached: \"" + plain + "\" is a file where a folder"));
    EXPECT_EQ(explained.code(), Code::ExecNotFound);
}

TEST_F(Executable, InterpreterThatMayNotBeExecuted) {
    const auto plain = directory_.file("plain", "", 0644);
    expect_refused(program("run", "#!" + plain + "\n"),
                   "interpreter \"" + plain + "\" of \"" + (directory_ / "run") + "\" has no execute bit (mode 0644)");
    expect_refused(program("dir", "#!/tmp\n"), "\" is a directory");
}

TEST_F(Executable, LoaderThatIsNoElfFile) {
    const auto text = program("loader", "#!/bin/sh\n" + std::string(200, '#'));
    const auto path = program("app", elf(kNative, text));
    EXPECT_EQ(try_to_execute(path), ELIBBAD);
    EXPECT_THAT(explain_exec_failure(path, ELIBBAD).message(), HasSubstr("is not an ELF file"));
}

TEST_F(Executable, ShebangWithNothingAfterItOrTooLong) {
    expect_bad_format(program("nothing", "#!  \n"), "names no interpreter");
    expect_bad_format(program("long", "#!/" + std::string(300, 'x') + "\n"), "longer than the kernel reads");
}

TEST_F(Executable, ByteOrderMarkAndBinaryRubbish) {
    expect_bad_format(program("bom", "\xEF\xBB\xBF#!/bin/sh\n"), "byte order mark");
    expect_bad_format(program("rubbish", std::string("\x01\x02\x00\x03", 4)), "neither an ELF file nor a script");
}

TEST_F(Executable, ObjectFile) {
    auto object = elf(kNative, "");
    object[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
    expect_bad_format(program("object.o", object), "an object file or a core dump");
}

TEST_F(Executable, DanglingLinkAndFileInThePlaceOfAFolder) {
    ASSERT_EQ(::symlink("/no/target", (directory_ / "link").c_str()), 0);
    expect_not_found(directory_ / "link", "is a symbolic link to \"/no/target\", which is absent");

    const auto below = directory_.file("file", "") + "/x";
    const auto explained = explain_exec_failure(below, try_to_execute(below));
    EXPECT_EQ(explained.code(), Code::ExecNotFound);
    EXPECT_THAT(explained.message(), HasSubstr("is a file where a folder is needed"));
    EXPECT_EQ(classify(explained.message()), EngineClass::NotFound);
    expect_not_found((directory_ / "missing") + "/deep/x", "/missing\" is absent");
}

TEST_F(Executable, AnotherUserIsToldWhatHeLacks) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to drop it";
    const auto owners = directory_.file("owners", "#!/bin/sh\n", 0700);
    const auto inside = directory_.file("private/run", "#!/bin/sh\n", 0755);
    ::chmod((directory_ / "private").c_str(), 0700);
    const auto message = test::in_child([&]() -> std::string {
        if (::setresuid(1000, 1000, 1000) < 0) return "setresuid";
        return explain_exec_failure(owners, try_to_execute(owners)).message() + "\n" +
               explain_exec_failure(inside, try_to_execute(inside)).message();
    });
    EXPECT_THAT(message, HasSubstr("has no execute bit for uid 1000 (mode 0700, owner 0:0)"));
    EXPECT_THAT(message, HasSubstr("/private\" may not be entered by uid 1000"));
}

TEST_F(Executable, ExecutableButUnreadableIsNoFailure) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to drop it";
    std::filesystem::copy_file("/bin/true", directory_ / "true");
    ::chmod((directory_ / "true").c_str(), 0711);
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  if (::setresuid(1000, 1000, 1000) < 0) return "setresuid";
                  auto done = check_executable(directory_ / "true");
                  return done ? "" : done.error().message();
              }));
}

TEST_F(Executable, OtherFailuresKeepTheirErrno) {
    EXPECT_THAT(explain_exec_failure("/bin/true", E2BIG).message(), HasSubstr("(E2BIG)"));
    EXPECT_THAT(explain_exec_failure("/bin/true", E2BIG).hint(), HasSubstr("RLIMIT_STACK"));
    EXPECT_EQ(explain_exec_failure("/bin/true", EPERM).code(), Code::ExecPermission);
    EXPECT_EQ(explain_exec_failure("/bin/true", ENOMEM).errnum(), ENOMEM);
}

TEST_F(Executable, WithoutALookThePhraseIsThereAndNoCause) {
    const auto path = program("crlf.sh", "#!/bin/sh\r\n");
    EXPECT_EQ(describe_exec_failure(path, ENOENT).message(), "exec \"" + path + "\": no such file or directory");
    EXPECT_EQ(describe_exec_failure(path, EACCES).code(), Code::ExecPermission);
}

TEST_F(Executable, AnExplanationThatDoesNotFitTheErrnoIsNotGiven) {
    const auto path = program("plain", "echo\n");
    EXPECT_EQ(explain_exec_failure(path, EACCES).hint(), "");
}

TEST_F(Executable, ControlCharactersInNamesAreShownNotPrinted) {
    auto found = find_executable("/x\x1b[31m", "");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message(), "exec: \"/x\\x1b[31m\": no such file or directory");
}

// ---- lookup

TEST_F(Executable, PathIsSearchedInOrder) {
    const auto first = program("a/tool", "#!/bin/sh\n");
    program("b/tool", "#!/bin/sh\n");
    EXPECT_EQ(*find_executable("tool", "/none:" + (directory_ / "a") + ":" + (directory_ / "b")), first);
    EXPECT_EQ(*find_executable("sh", "/bin"), "/bin/sh");
}

TEST_F(Executable, WhatMayNotBeExecutedIsSkippedButRemembered) {
    directory_.file("a/tool", "", 0644);
    std::filesystem::create_directories(directory_ / "c/tool");
    const auto good = program("b/tool", "#!/bin/sh\n");
    const auto path = (directory_ / "c") + ":" + (directory_ / "a");
    EXPECT_EQ(*find_executable("tool", path + ":" + (directory_ / "b")), good);
    auto found = find_executable("tool", path);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message(), "exec: \"tool\": executable file not found in $PATH (\"" +
                                           (directory_ / "a/tool") + "\" has no execute bit (mode 0644))");
    EXPECT_EQ(classify(found.error().message()), EngineClass::NotFound);
}

TEST_F(Executable, EmptyPathFindsNothingAndAnEmptyEntryIsTheWorkingDirectory) {
    program("tool", "#!/bin/sh\n");
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  if (::chdir(directory_.path().c_str()) < 0) return "chdir";
                  if (find_executable("tool", "")) return "found without PATH";
                  return find_executable("tool", "/none:").value_or("not found") == "./tool" ? "" : "not ./tool";
              }));
    EXPECT_FALSE(find_executable("", "/bin"));
}

TEST_F(Executable, ASlashMeansNoSearch) {
    auto found = find_executable("./sh", "/bin");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message(), "exec: \"./sh\": no such file or directory");
    auto directory = find_executable("/etc", "");
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().message(), "exec: \"/etc\": permission denied (\"/etc\" is a directory)");
}

}  // namespace
}  // namespace arca::process
