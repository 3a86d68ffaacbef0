// A program that cannot be executed makes create or start (and run, and exec) fail with the cause: never a success
// whose explanation ends up in the container's own output. Each row is one broken program, and what is said of it.
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "harness/container.hpp"
#include "harness/teller.hpp"

using namespace integration;

namespace {

std::string bytes(const void* data, std::size_t size) {
    return {static_cast<const char*>(data), size};
}

Elf64_Ehdr elf_header(Elf64_Half machine) {
    Elf64_Ehdr header{};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof(header);
    header.e_ehsize = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    return header;
}

#ifdef __x86_64__
constexpr Elf64_Half kNative = EM_X86_64, kForeign = EM_AARCH64;
#else
constexpr Elf64_Half kNative = EM_AARCH64, kForeign = EM_X86_64;
#endif

/// A program that names a loader the root filesystem does not have.
std::string dynamic_program() {
    std::string loader = std::string("/lib/ld-absent.so.1") + '\0';
    Elf64_Ehdr header = elf_header(kNative);
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_INTERP;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_filesz = segment.p_memsz = loader.size();
    return bytes(&header, sizeof(header)) + bytes(&segment, sizeof(segment)) + loader;
}

std::string foreign_program() {
    Elf64_Ehdr header = elf_header(kForeign);
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    return bytes(&header, sizeof(header)) + bytes(&segment, sizeof(segment));
}

/// What lies at /bin/broken.
enum class Form { Nothing, File, Link, Fifo, Directory };

struct Case {
    const char* name;
    Form form;
    std::string content;  ///< of a file; where a link leads to
    int mode;
    std::string program;
    std::string told;  ///< by arca: first what docker and podman classify by, then the cause
    bool peers_know;   ///< runc and crun find it at create
};

const Case kCases[] = {
    {"Absent", Form::Nothing, "", 0, "/bin/absent", "exec: \"/bin/absent\": no such file or directory", true},
    {"NotInPath", Form::Nothing, "", 0, "absent", "exec: \"absent\": executable file not found in $PATH", true},
    {"LinkToNothing", Form::Link, "absent", 0, "/bin/broken",
     "exec: \"/bin/broken\": no such file or directory (\"/bin/broken\" is a symbolic link to \"absent\", which is "
     "absent)",
     true},
    {"LinkToItself", Form::Link, "broken", 0, "/bin/broken",
     "exec: \"/bin/broken\": too many levels of symbolic links (ELOOP) (\"/bin/broken\" is a loop of symbolic links)",
     true},
    {"NotExecutable", Form::File, "#!/bin/probe\n", 0644, "/bin/broken",
     "exec: \"/bin/broken\": permission denied (\"/bin/broken\" has no execute bit (mode 0644))", true},
    {"Directory", Form::Directory, "", 0, "/bin/broken",
     "exec: \"/bin/broken\": permission denied (\"/bin/broken\" is a directory)", true},
    {"Fifo", Form::Fifo, "", 0755, "/bin/broken",
     "exec: \"/bin/broken\": permission denied (\"/bin/broken\" is not a regular file)", false},
    {"BelowAFile", Form::Nothing, "", 0, "/bin/probe/program",
     "exec: \"/bin/probe/program\": no such file or directory (\"/bin/probe\" is a file where a folder is needed)",
     true},
    {"MissingInterpreter", Form::File, "#!/bin/absent\n", 0755, "/bin/broken",
     "exec \"/bin/broken\": no such file or directory (interpreter \"/bin/absent\" of \"/bin/broken\" is absent)",
     false},
    {"InterpreterNotExecutable", Form::File, "#!/etc/passwd\n", 0755, "/bin/broken",
     "exec \"/bin/broken\": permission denied (interpreter \"/etc/passwd\" of \"/bin/broken\" has no execute bit (mode "
     "0644))",
     false},
    {"InterpreterADirectory", Form::File, "#!/bin\n", 0755, "/bin/broken",
     "exec \"/bin/broken\": permission denied (interpreter \"/bin\" of \"/bin/broken\" is a directory)", false},
    {"WindowsLineEnds", Form::File, "#!/bin/probe\r\necho\r\n", 0755, "/bin/broken",
     "exec \"/bin/broken\": no such file or directory (the first line of \"/bin/broken\" ends in a carriage return "
     "(Windows line ends): the kernel looks for an interpreter \"/bin/probe\\x0d\")",
     false},
    {"NoInterpreterLine", Form::File, "echo hello\n", 0755, "/bin/broken",
     "exec \"/bin/broken\": exec format error (\"/bin/broken\" is a text file whose first line does not begin with "
     "\"#!\")",
     false},
    {"MissingLoader", Form::File, dynamic_program(), 0755, "/bin/broken",
     "exec \"/bin/broken\": no such file or directory (ELF loader \"/lib/ld-absent.so.1\" of \"/bin/broken\" is "
     "absent)",
     false},
    {"TruncatedElf", Form::File, dynamic_program().substr(0, 30), 0755, "/bin/broken",
     "exec \"/bin/broken\": exec format error (\"/bin/broken\" is a truncated ELF file of 30 bytes)", false},
    {"Empty", Form::File, "", 0755, "/bin/broken", "exec \"/bin/broken\": exec format error (\"/bin/broken\" is empty)",
     false},
    {"ForeignArchitecture", Form::File, foreign_program(), 0755, "/bin/broken",
     "exec \"/bin/broken\": exec format error (\"/bin/broken\" is built for aarch64, this machine runs x86_64)", false},
    {"NoexecMount", Form::Nothing, "", 0, "/noexec/probe",
     "exec: \"/noexec/probe\": permission denied (\"/noexec/probe\" is on a mount with noexec)", true},
};

}  // namespace

class StartTruth : public ContainerTest, public testing::WithParamInterface<Case> {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        place(GetParam());
        std::filesystem::create_directories(work / "bin");
        std::filesystem::copy_file(facts().probe, work / "bin/probe");
        bundle.add_mount("/noexec", "bind", (work / "bin").string(), {"bind", "noexec"});
    }
    void place(const Case& broken) const {
        const auto path = bundle.rootfs() / "bin/broken";
        if (broken.form == Form::File) bundle.file("bin/broken", broken.content, broken.mode);
        if (broken.form == Form::Link) std::filesystem::create_symlink(broken.content, path);
        if (broken.form == Form::Directory) bundle.directory("bin/broken");
        if (broken.form == Form::Fifo) mkfifo(path.c_str(), static_cast<mode_t>(broken.mode));
    }
    void expect_truth(const Output& output, const std::string& operation) const {
        const Case& broken = GetParam();
        EXPECT_NE(output.status, 0) << output;
        EXPECT_TRUE(contains(output.err, broken.program)) << "argv[0] must be named: " << output;
        if (facts().kind != Kind::Arca) return;
        EXPECT_EQ(output.err, "arca: " + operation + " " + container.id + ": " + broken.told + "\n");
    }
};

TEST_P(StartTruth, CreateAndStart) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers report success");
    bundle.args({GetParam().program});
    Output output = container.create();
    const bool is_created = output.ok();
    if (is_created) {
        output = container.start();
        EXPECT_EQ(output.status, 1);
        EXPECT_EQ(container.output(), "");
        EXPECT_EQ(container.errors(), "") << "the container's stderr is not the place";
        EXPECT_TRUE(container.reaches("stopped"));
        EXPECT_TRUE(container.remove().ok());
    }
    expect_truth(output, is_created ? "start" : "create");
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_P(StartTruth, Run) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers return the status of a process that never was");
    bundle.args({GetParam().program});
    Output output = container.run();
    EXPECT_EQ(output.status, 1);
    expect_truth(output, "run");
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_P(StartTruth, Exec) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers name no cause");
    start_probe({"serve"});
    Output output = container.exec({GetParam().program});
    EXPECT_EQ(output.status, facts().kind == Kind::Crun ? 1 : 255) << output;
    expect_truth(output, "exec");
    EXPECT_EQ(container.status(), "running");
}

TEST_P(StartTruth, ExecDetached) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers return 0");
    start_probe({"serve"});
    Output output = container.exec({GetParam().program}, {"--detach", "--pid-file", (work / "pid").string()});
    expect_truth(output, "exec");
    EXPECT_FALSE(std::filesystem::exists(work / "pid"));
}

// For tables/failures, which runs it with several runtimes: who told of it, and in which words.
TEST_P(StartTruth, DISABLED_IsToldBy) {
    bundle.args({GetParam().program});
    record_teller(container);
}

INSTANTIATE_TEST_SUITE_P(Broken, StartTruth, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });
