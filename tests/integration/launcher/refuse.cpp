// refuse ERRNO CALL[,CALL]... PROGRAM [ARGUMENT...]: the program finds a kernel, or an outer container's seccomp
// filter, that answers those calls with ERRNO (ENOSYS or EPERM), or claims SUCCESS and does nothing. Needs
// CAP_SYS_ADMIN, so that no_new_privs stays as it is.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {
struct Call {
    const char* name;
    long number;
};
constexpr Call kCalls[] = {
    {"openat2", SYS_openat2},
    {"clone3", SYS_clone3},
    {"close_range", SYS_close_range},
    {"mount_setattr", SYS_mount_setattr},
    {"open_tree", SYS_open_tree},
    {"move_mount", SYS_move_mount},
    {"fsopen", SYS_fsopen},
    {"fsconfig", SYS_fsconfig},
    {"fsmount", SYS_fsmount},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"keyctl", SYS_keyctl},
    {"execveat", SYS_execveat},
    {"memfd_create", SYS_memfd_create},
    {"capset", SYS_capset},
    {"prctl", SYS_prctl},
    {"mount", SYS_mount},
    {"pivot_root", SYS_pivot_root},
    {"sethostname", SYS_sethostname},
    {"setns", SYS_setns},
    {"unshare", SYS_unshare},
    {"setresuid", SYS_setresuid},
    {"setresgid", SYS_setresgid},
    {"setgroups", SYS_setgroups},
};

long number_of(const std::string& name) {
    for (const auto& call : kCalls)
        if (name == call.name) return call.number;
    fprintf(stderr, "refuse: no call %s\n", name.c_str());
    _exit(99);
}

void refuse(long number, unsigned errnum) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog filter{std::size(program), program};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0) return;
    perror("refuse: seccomp");
    _exit(99);
}
}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 99;
    const unsigned errnum = strcmp(argv[1], "EPERM") == 0 ? EPERM : strcmp(argv[1], "SUCCESS") == 0 ? 0 : ENOSYS;
    std::string name;
    for (const char* at = argv[2];; ++at) {
        if (*at != ',' && *at != '\0') {
            name += *at;
            continue;
        }
        refuse(number_of(name), errnum);
        name.clear();
        if (*at == '\0') break;
    }
    execv(argv[3], argv + 3);
    perror("refuse: execv");
    return 99;
}
