// A program that cannot be executed makes create or start (and run, and exec) fail with the cause: never a success
// whose explanation ends up in the container's own output.
#include <elf.h>
#include <unistd.h>

#include <cstring>
#include <regex>

#include "harness/container.hpp"

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

struct Case {
    const char* name;
    std::string content;
    int mode;
    std::string program;
    const char* phrase;  ///< what docker and podman classify by
    const char* cause;   ///< what the user needs to hear; a regular expression
    bool peers_know;     ///< runc and crun find it at create
};

const Case kCases[] = {
    {"Absent", "", 0, "/bin/absent", "no such file or directory", "/bin/absent", true},
    {"NotInPath", "", 0, "absent", "executable file not found in \\$PATH", "absent", true},
    {"NotExecutable", "#!/bin/probe\n", 0644, "/bin/broken", "permission denied", "0644|execute", true},
    {"Directory", "", 0, "/etc", "permission denied|is a directory", "directory", true},
    {"MissingInterpreter", "#!/bin/absent\n", 0755, "/bin/broken", "no such file or directory",
     "interpreter.*/bin/absent", false},
    {"WindowsLineEnds", "#!/bin/probe\r\necho\r\n", 0755, "/bin/broken", "no such file or directory",
     "carriage return|line end", false},
    {"NoInterpreterLine", "echo hello\n", 0755, "/bin/broken", "exec format error", "#!|interpreter|shebang", false},
    {"MissingLoader", dynamic_program(), 0755, "/bin/broken", "no such file or directory", "ld-absent", false},
    {"TruncatedElf", dynamic_program().substr(0, 30), 0755, "/bin/broken", "exec format error", "trunc|cut|short|ELF",
     false},
    {"Empty", "", 0755, "/bin/broken", "exec format error", "empty", false},
    {"ForeignArchitecture", foreign_program(), 0755, "/bin/broken", "exec format error", "aarch64|x86_64", false},
    {"NoexecMount", "", 0, "/noexec/probe", "permission denied", "noexec", true},
};

}  // namespace

class StartTruth : public ContainerTest, public testing::WithParamInterface<Case> {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        const Case& broken = GetParam();
        if (broken.program == "/bin/broken") bundle.file("bin/broken", broken.content, broken.mode);
        std::filesystem::create_directories(work / "bin");
        std::filesystem::copy_file(facts().probe, work / "bin/probe");
        bundle.add_mount("/noexec", "bind", (work / "bin").string(), {"bind", "noexec"});
    }
    static void expect_truth(const Output& output) {
        const Case& broken = GetParam();
        EXPECT_NE(output.status, 0) << output;
        EXPECT_TRUE(contains(output.err, broken.program)) << "argv[0] must be named: " << output;
        if (facts().kind != Kind::Arca) return;
        EXPECT_TRUE(std::regex_search(output.err, std::regex(broken.phrase))) << broken.phrase << "\n" << output;
        EXPECT_TRUE(std::regex_search(output.err, std::regex(broken.cause))) << broken.cause << "\n" << output;
    }
};

TEST_P(StartTruth, CreateAndStart) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers report success");
    bundle.args({GetParam().program});
    Output output = container.create();
    if (output.ok()) {
        output = container.start();
        EXPECT_EQ(output.status, 1);
        EXPECT_EQ(container.output(), "");
        EXPECT_EQ(container.errors(), "") << "the container's stderr is not the place";
        EXPECT_TRUE(container.reaches("stopped"));
        EXPECT_TRUE(container.remove().ok());
    }
    expect_truth(output);
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_P(StartTruth, Run) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers return the status of a process that never was");
    bundle.args({GetParam().program});
    Output output = container.run();
    EXPECT_EQ(output.status, 1);
    expect_truth(output);
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_P(StartTruth, Exec) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers name no cause");
    start_probe({"serve"});
    Output output = container.exec({GetParam().program});
    EXPECT_EQ(output.status, facts().kind == Kind::Crun ? 1 : 255) << output;
    expect_truth(output);
    EXPECT_EQ(container.status(), "running");
}

TEST_P(StartTruth, ExecDetached) {
    if (!GetParam().peers_know) REQUIRE_ARCA("the peers return 0");
    start_probe({"serve"});
    Output output = container.exec({GetParam().program}, {"--detach", "--pid-file", (work / "pid").string()});
    expect_truth(output);
}

INSTANTIATE_TEST_SUITE_P(Broken, StartTruth, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });
