// Containers whose process dies before its program begins, or as soon as it does. Each row is one way and moment; the
// command that notices says what it died of, exactly, `why` knows it afterwards, and nothing is left. Deaths of arca's
// own processes, at every step: kill_points_test.cpp.
#include <elf.h>
#include <signal.h>

#include <regex>

#include "harness/container.hpp"
#include "harness/teller.hpp"

using namespace integration;

namespace {

std::string bytes(const void* data, std::size_t size) {
    return {static_cast<const char*>(data), size};
}

/// A static program of one page: its headers, and the instructions where it begins.
std::string program(const std::string& code, Elf64_Addr place = 0x400000) {
    Elf64_Ehdr header{};
    Elf64_Phdr segment{};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
#ifdef __x86_64__
    header.e_machine = EM_X86_64;
#else
    header.e_machine = EM_AARCH64;
#endif
    header.e_version = EV_CURRENT;
    header.e_entry = place + sizeof header + sizeof segment;
    header.e_phoff = header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof segment;
    header.e_phnum = 1;
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_vaddr = place;
    segment.p_filesz = segment.p_memsz = sizeof header + sizeof segment + code.size();
    segment.p_align = 0x1000;
    return bytes(&header, sizeof header) + bytes(&segment, sizeof segment) + code;
}

#ifdef __x86_64__
const std::string kIllegal = "\x0f\x0b";                     // ud2
const std::string kNullRead("\x48\x8b\x04\x25\0\0\0\0", 8);  // mov 0, %rax
#else
const std::string kIllegal("\0\0\0\0", 4);                           // udf
const std::string kNullRead("\x00\x00\x80\xd2\x00\x00\x40\xf9", 8);  // mov x0, 0; ldr x0, [x0]
#endif

/// What a row can do to its container.
struct Scene {
    Bundle& bundle;
    Container& container;
    std::filesystem::path directory;

    void script(const std::string& kind, const std::string& text) const {
        bundle.config["hooks"][kind] = {{{"path", "/bin/sh"}, {"args", {"sh", "-c", text}}}};
    }
    void without_pid_namespace() const { bundle.drop_namespace("pid"); }
    void run_file(const std::string& content, int mode = 0755) const {
        bundle.file("bin/mortal", content, mode);
        bundle.args({"/bin/mortal"});
    }
    void replace_file(const std::string& content, int mode = 0755) const {
        std::filesystem::remove(bundle.rootfs() / "bin/mortal");
        bundle.file("bin/mortal", content, mode);
    }
    void limit(const char* type, std::uint64_t value) const {
        bundle.process()["rlimits"] = {{{"type", type}, {"soft", value}, {"hard", value}}};
    }
    /// A filter with one rule, for execve and execveat.
    void filter_execution(const char* action) const {
        bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                      {"syscalls", {{{"names", {"execve", "execveat"}}, {"action", action}}}}};
    }
};

using Act = void (*)(const Scene&);
const Act kNothing = [](const Scene&) {};

enum class Noticed { ByCreate, ByStart, Afterwards };

struct Row {
    const char* name;
    Noticed noticed;
    Act arrange;          ///< before create
    Act meanwhile;        ///< between create and start
    const char* message;  ///< of the command that fails, numbers as N; or how it ended, as `why` says
};

const char* const kKillInit = "kill -KILL $(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); sleep 0.2";

void kill_init(const Scene& scene) {
    const pid_t init = scene.container.pid();
    ASSERT_EQ(::kill(init, SIGKILL), 0);
    ASSERT_TRUE(scene.container.reaches("stopped"));
}

const Row kRows[] = {
    {"KilledByAPrestartHook", Noticed::ByCreate, [](const Scene& s) { s.script("prestart", kKillInit); }, kNothing,
     "init was killed by SIGKILL during step AwaitHooks"},
    {"KilledByACreateRuntimeHook", Noticed::ByCreate, [](const Scene& s) { s.script("createRuntime", kKillInit); },
     kNothing, "init was killed by SIGKILL during step AwaitHooks"},
    {"KilledByACreateContainerHook", Noticed::ByCreate,
     [](const Scene& s) {
         s.without_pid_namespace();
         s.script("createContainer", "kill -KILL $PPID");
     },
     kNothing, "init was killed by SIGKILL during step CreateContainerHooks"},
    {"KilledByAStartContainerHook", Noticed::ByStart,
     [](const Scene& s) {
         s.without_pid_namespace();
         s.script("startContainer", "kill -KILL $PPID");
     },
     kNothing, "the container's process was killed by SIGKILL before it could execute its program"},
    {"AbortedByAStartContainerHook", Noticed::ByStart,
     [](const Scene& s) {
         s.without_pid_namespace();
         s.script("startContainer", "kill -ABRT $PPID");
     },
     kNothing, "the container's process was killed by SIGABRT before it could execute its program"},
    {"KilledFromOutside", Noticed::ByStart, kNothing, kill_init,
     "cannot start a container that has stopped (its process was killed by SIGKILL)"},
    {"KilledByTheKillCommand", Noticed::ByStart, kNothing,
     [](const Scene& s) {
         ASSERT_TRUE(s.container.kill("KILL").ok());
         ASSERT_TRUE(s.container.reaches("stopped"));
     },
     "cannot start a container that has stopped (its process was killed by SIGKILL)"},
    {"KilledAndCollected", Noticed::ByStart, kNothing,
     [](const Scene& s) {
         const pid_t init = s.container.pid();
         ASSERT_EQ(::kill(init, SIGKILL), 0);
         EXPECT_EQ(s.container.wait_for_init(init), 128 + SIGKILL);
     },
     "cannot start a container that has stopped"},
    {"TerminatedWithoutAPidNamespace", Noticed::ByStart, [](const Scene& s) { s.without_pid_namespace(); },
     [](const Scene& s) {
         ASSERT_TRUE(s.container.kill("TERM").ok());
         ASSERT_TRUE(s.container.reaches("stopped"));
     },
     "cannot start a container that has stopped (its process was killed by SIGTERM)"},
    {"ProgramIsRemoved", Noticed::ByStart, [](const Scene& s) { s.run_file(program(kIllegal)); },
     [](const Scene& s) { std::filesystem::remove(s.bundle.rootfs() / "bin/mortal"); },
     "exec \"/bin/mortal\": no such file or directory"},
    {"ProgramIsEmptied", Noticed::ByStart, [](const Scene& s) { s.run_file(program(kIllegal)); },
     [](const Scene& s) { s.replace_file(""); }, "exec \"/bin/mortal\": exec format error (\"/bin/mortal\" is empty)"},
    {"ProgramMayNotBeExecutedAnyMore", Noticed::ByStart, [](const Scene& s) { s.run_file(program(kIllegal)); },
     [](const Scene& s) { s.replace_file(program(kIllegal), 0644); },
     "exec \"/bin/mortal\": permission denied (\"/bin/mortal\" has no execute bit (mode 0644))"},
    {"ProgramBecomesADirectory", Noticed::ByStart, [](const Scene& s) { s.run_file(program(kIllegal)); },
     [](const Scene& s) {
         std::filesystem::remove(s.bundle.rootfs() / "bin/mortal");
         s.bundle.directory("bin/mortal");
     },
     "exec \"/bin/mortal\": permission denied (\"/bin/mortal\" is a directory)"},
    {"InterpreterIsRemoved", Noticed::ByStart,
     [](const Scene& s) {
         s.bundle.file("bin/interpreter", program(kIllegal), 0755);
         s.run_file("#!/bin/interpreter\n");
     },
     [](const Scene& s) { std::filesystem::remove(s.bundle.rootfs() / "bin/interpreter"); },
     "exec \"/bin/mortal\": no such file or directory (interpreter \"/bin/interpreter\" of \"/bin/mortal\" is absent)"},
    {"FilterThatKillsWhoExecutes", Noticed::ByStart,
     [](const Scene& s) { s.filter_execution("SCMP_ACT_KILL_PROCESS"); }, kNothing,
     "the container's process was killed by SIGSYS before it could execute its program (its seccomp filter ends who "
     "executes a program)"},
    {"FilterThatTrapsWhoExecutes", Noticed::ByStart, [](const Scene& s) { s.filter_execution("SCMP_ACT_TRAP"); },
     kNothing,
     "the container's process was killed by SIGSYS before it could execute its program (its seccomp filter ends who "
     "executes a program)"},
    {"FilterThatRefusesToExecute", Noticed::ByStart, [](const Scene& s) { s.filter_execution("SCMP_ACT_ERRNO"); },
     kNothing,
     "permission denied: /linux/seccomp: exec \"/bin/probe\": operation-not-permitted (the container's own filter "
     "answers execve(2) with EPERM)"},
    {"FilterThatPretendsAMissingProgram", Noticed::ByStart,
     [](const Scene& s) {
         s.filter_execution("SCMP_ACT_ERRNO");
         s.bundle.linux_()["seccomp"]["syscalls"][0]["errnoRet"] = ENOENT;
     },
     kNothing,
     "/linux/seccomp: exec \"/bin/probe\": no such file or directory (the container's own filter answers execve(2) "
     "with ENOENT)"},
    {"FilterThatPretendsToHaveExecuted", Noticed::ByStart,
     [](const Scene& s) {
         s.filter_execution("SCMP_ACT_ERRNO");
         s.bundle.linux_()["seccomp"]["syscalls"][0]["errnoRet"] = 0;
     },
     kNothing, "/linux/seccomp: exec \"/bin/probe\" (the container's own filter answers execve(2) with 0)"},
    {"FilterThatKillsEverything", Noticed::ByStart,
     [](const Scene& s) {
         s.bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_KILL_PROCESS"}};
     },
     kNothing,
     "the container's process was killed by SIGSYS before it could execute its program (its seccomp filter ends who "
     "executes a program)"},
    {"NotifyingFilterWithoutAnAgent", Noticed::ByStart,
     [](const Scene& s) {
         s.filter_execution("SCMP_ACT_NOTIFY");
         s.bundle.linux_()["seccomp"]["listenerPath"] = (s.directory / "agent").string();
     },
     kNothing, "the agent of the seccomp filter: /linux/seccomp/listenerPath: connect(WORK/agent): absent (ENOENT)"},
    {"ArgumentsAreTooMany", Noticed::ByStart,
     [](const Scene& s) {
         s.bundle.args({"/bin/probe", std::string(200'000, 'x')});
     },
     kNothing,
     "exec \"/bin/probe\": argument list too long (E2BIG) (arguments and environment may take a quarter of "
     "RLIMIT_STACK, which is N bytes, at most 6 MiB, and 128 KiB each)"},
    {"AddressSpaceIsTooSmall", Noticed::Afterwards, [](const Scene& s) { s.limit("RLIMIT_AS", 4096); }, kNothing,
     "was killed by SIGSEGV"},
    {"ProgramLiesWhereTheKernelIs", Noticed::Afterwards,
     [](const Scene& s) { s.run_file(program(kIllegal, 0xffffffff80000000)); }, kNothing, "was killed by SIGSEGV"},
    {"FirstInstructionIsIllegal", Noticed::Afterwards, [](const Scene& s) { s.run_file(program(kIllegal)); }, kNothing,
     "was killed by SIGILL"},
    {"FirstInstructionReadsNothing", Noticed::Afterwards, [](const Scene& s) { s.run_file(program(kNullRead)); },
     kNothing, "was killed by SIGSEGV"},
    {"AbortsItself", Noticed::Afterwards,
     [](const Scene& s) {
         s.without_pid_namespace();
         s.bundle.args({"/bin/probe", "raise", std::to_string(SIGABRT)});
     },
     kNothing, "was killed by SIGABRT"},
    {"EndsAtOnceWithoutAWord", Noticed::Afterwards,
     [](const Scene& s) {
         s.bundle.args({"/bin/probe", "exit", "0"});
     },
     kNothing, "exited with status 0"},
    {"EndsAtOnceWithAStatus", Noticed::Afterwards,
     [](const Scene& s) {
         s.bundle.args({"/bin/probe", "exit", "255"});
     },
     kNothing, "exited with status 255"},
    {"EndsWithTheStatusOfAShellThatFoundNothing", Noticed::Afterwards,
     [](const Scene& s) {
         s.bundle.args({"/bin/sh", "-c", "absent"});
     },
     kNothing, "exited with status 127"},
};

std::string with_n(std::string text, const Container& container, const std::filesystem::path& work) {
    text = std::regex_replace(text, std::regex(container.id), "ID");
    text = std::regex_replace(text, std::regex(work.string()), "WORK");
    text = std::regex_replace(text, std::regex(R"(\b[1-9]\d{3,}\b)"), "N");
    return std::regex_replace(text, std::regex(R"(\d+\.\d\d s)"), "N s");
}

}  // namespace

class EarlyDeathsByRow : public ContainerTest, public testing::WithParamInterface<Row> {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE(!facts().busybox.empty(), "needs a static busybox");
    }
    std::string plain(const std::string& text) const { return with_n(text, container, work.path()); }
    Json why() { return Json::parse(runtime({"why", "--format", "json", container.id}).out, nullptr, false); }

    void expect_failed(const Output& output, const std::string& operation) {
        const std::string message = GetParam().message;
        EXPECT_EQ(output.status, 1) << output;
        EXPECT_EQ(plain(output.err), "arca: " + operation + " ID: " + message + "\n");
        EXPECT_EQ(output.out, "");
        if (message.starts_with("cannot start")) return;  // that is no failure of the container's
        Json known = why();
        EXPECT_EQ(known["operation"], operation);
        EXPECT_FALSE(known.value("message", "").empty());
    }
    void expect_ended() {
        ASSERT_TRUE(container.reaches("stopped"));
        EXPECT_EQ(why()["ending"], GetParam().message);
    }
};

TEST_P(EarlyDeathsByRow, IsToldAndLeavesNothing) {
    REQUIRE_ARCA("its own texts");
    const Row& row = GetParam();
    const Scene scene{bundle, container, work.path()};
    row.arrange(scene);
    const Output created = container.create();
    if (row.noticed == Noticed::ByCreate) {
        expect_failed(created, "create");
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
        return;
    }
    ASSERT_TRUE(created.ok()) << created;
    row.meanwhile(scene);
    const Output started = container.start();
    if (row.noticed == Noticed::ByStart) {
        expect_failed(started, "start");
        EXPECT_EQ(container.errors(), "") << "the container's stderr is not the place";
    } else {
        ASSERT_TRUE(started.ok()) << started;
        expect_ended();
    }
    EXPECT_EQ(container.status(), "stopped");
    EXPECT_EQ(container.output(), "");
    EXPECT_TRUE(container.remove().ok());
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

// For tables/failures, as in start_truth_test.cpp.
TEST_P(EarlyDeathsByRow, DISABLED_IsToldBy) {
    const Row& row = GetParam();
    REQUIRE(row.noticed != Noticed::Afterwards, "no command can tell");
    const Scene scene{bundle, container, work.path()};
    row.arrange(scene);
    record_teller(container, [&] { row.meanwhile(scene); });
}

INSTANTIATE_TEST_SUITE_P(Rows, EarlyDeathsByRow, testing::ValuesIn(kRows),
                         [](const auto& each) { return std::string(each.param.name); });
