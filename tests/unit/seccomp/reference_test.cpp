// libseccomp as the reference: the program put together here must answer like one that libseccomp made alone of the
// same rules, for every architecture, system call and argument that is looked at.
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "bpf_machine.hpp"
#include "sys/syscalls.hpp"

namespace arca::seccomp {
namespace {

using spec::SeccompAction;
using spec::SeccompOperator;

Program reference(const std::vector<std::uint32_t>& architectures,
                  const std::vector<std::pair<const char*, std::vector<scmp_arg_cmp>>>& allowed) {
    const auto context = ::seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    for (const auto token : architectures)
        ::seccomp_arch_add(context, token);
    for (const auto& [name, conditions] : allowed)
        EXPECT_EQ(::seccomp_rule_add_array(context, SCMP_ACT_ALLOW, ::seccomp_syscall_resolve_name(name),
                                           static_cast<unsigned>(conditions.size()), conditions.data()),
                  0);
    const sys::Fd file(::memfd_create("reference", 0));
    EXPECT_EQ(::seccomp_export_bpf(context, file.number()), 0);
    ::seccomp_release(context);
    ::lseek(file.number(), 0, SEEK_SET);
    const auto bytes = sys::read_all(file);
    Program program;
    program.instructions.resize(bytes->size() / 8);
    bytes->copy(reinterpret_cast<char*>(program.instructions.data()), bytes->size());
    return program;
}

TEST(Reference, ThreeArchitecturesAnswerLikeOneFilterOfLibseccomp) {
    const std::vector<const char*> names = {"read",       "write",        "open",     "close",      "stat",
                                            "socket",     "connect",      "bind",     "ipc",        "shmget",
                                            "semop",      "socketcall",   "execve",   "exit",       "ptrace",
                                            "sigreturn",  "rt_sigaction", "ioctl",    "_llseek",    "mmap2",
                                            "fcntl64",    "openat",       "statx",    "openat2",    "faccessat2",
                                            "clone3",     "futex_time64", "vm86",     "modify_ldt", "arch_prctl",
                                            "getpid",     "kill",         "tgkill",   "dup3",       "pipe2",
                                            "epoll_wait", "recvmmsg",     "sendmmsg", "accept4",    "process_vm_readv"};
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.default_errno_ret = ENOSYS;  // no stub: libseccomp has none
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"};
    std::vector<std::pair<const char*, std::vector<scmp_arg_cmp>>> allowed;
    for (const auto* name : names) {
        profile.syscalls.push_back({{name}, SeccompAction::Allow, {}, {}});
        allowed.push_back({name, {}});
    }
    const auto add = [&](const char* name, std::vector<spec::SeccompArgument> args, std::vector<scmp_arg_cmp> same) {
        profile.syscalls.push_back({{name}, SeccompAction::Allow, {}, std::move(args)});
        allowed.push_back({name, std::move(same)});
    };
    add("personality", {{0, 8, 0, SeccompOperator::Equal}}, {SCMP_A0(SCMP_CMP_EQ, 8, 0)});
    add("personality", {{0, 0xffffffff, 0, SeccompOperator::Equal}}, {SCMP_A0(SCMP_CMP_EQ, 0xffffffff, 0)});
    add("clone", {{0, 0x7e020000, 0, SeccompOperator::MaskedEqual}}, {SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0)});
    add("setns", {{0, 3, 0, SeccompOperator::GreaterOrEqual}, {1, 1ULL << 33, 0, SeccompOperator::LessThan}},
        {SCMP_A0(SCMP_CMP_GE, 3, 0), SCMP_A1(SCMP_CMP_LT, 1ULL << 33, 0)});
    std::vector<spec::Note> notes;
    const auto program = compile(profile, notes);
    ASSERT_TRUE(program) << program.error().message();
    const auto expected = reference({SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_AARCH64}, allowed);
    int answers = 0;
    for (const std::uint32_t architecture :
         std::initializer_list<std::uint32_t>{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM})
        for (const std::uint32_t base : {0U, 0x40000000U, 0x80000000U, 0xffffff00U})
            for (std::uint32_t number = 0; number < 600; ++number)
                for (const std::uint64_t first : {0ULL, 3ULL, 8ULL, 0x20000ULL, 0xffffffffULL, ~0ULL})
                    for (const std::uint64_t second : {0ULL, 1ULL << 33}) {
                        const test::Call call{architecture, base + number, {first, second}};
                        ASSERT_EQ(test::execute(*program, call), test::execute(expected, call))
                            << architecture << ' ' << base + number << ' ' << first << ' ' << second;
                        ++answers;
                    }
    EXPECT_EQ(answers, 4 * 4 * 600 * 6 * 2);
}

}  // namespace
}  // namespace arca::seccomp
