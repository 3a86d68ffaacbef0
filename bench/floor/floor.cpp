// floor: the kernel calls that any conforming runtime has to make for `run`, `exec` and `state`, hard-coded for the
// bundles of bench/bundle.py, and nothing else: no parsing, no checks, no logging, no protection of its own image. Its
// time is what a runtime can approach and not undercut.
//
//   floor --root DIR run --bundle DIR ID     the bundle's kind is taken from its path: .../docker/... or another
//   floor --root DIR run -d ... / exec ID COMMAND / state ID
//
// Everything else exits with 69, which bench/run takes for "does not have it". One process besides the container's,
// made by vfork's kind of clone; the parent loads the device filter and writes the state while the child mounts.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

// <sched.h> and <sys/mount.h> contradict the kernel's headers.
extern "C" {
int mount(const char*, const char*, const char*, unsigned long, const void*);
int umount2(const char*, int);
int unshare(int);
int setns(int, int);
int sched_yield(void);
}

namespace {

enum { kNotOffered = 69, kFilterSections = 3, kLeaves = 70, kLastCapability = 40, kPath = 512 };
const unsigned long kNoSuid = 2, kNoDev = 4, kNoExec = 8, kReadOnly = 1, kRecursive = 16384, kSlave = 1 << 19,
                    kPrivate = 1 << 18;
const unsigned long kAllowedSpec = 1UL << 29 | 1UL << 5 | 1UL << 10, kAllowedDocker = 0xa80425fbUL | kAllowedSpec;

struct Floor {
    const char* root = "/run/floor";
    const char* bundle = "";
    const char* id = "";
    const char* pid_file = nullptr;
    char base[kPath], rootfs[kPath], state[kPath], cgroup[kPath];
    bool docker = false;
    int to_parent[2], to_child[2];
    int gate = 0;  // a futex, shared with the child
} f;

sock_filter filter[kFilterSections * (3 * kLeaves + 4) + 8];
sock_fprog program;

[[noreturn]] void die(const char* what) {
    dprintf(2, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}
long check(long result, const char* what) {
    if (result < 0) die(what);
    return result;
}
#define DO(call) check(static_cast<long>(call), #call)

void write_file(const char* path, const char* text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, text, strlen(text)) < 0) errno = 0;
    close(fd);
}

// ---- filters --------------------------------------------------------------------------------------------------------

void emit(unsigned short code, unsigned char yes, unsigned char no, unsigned value) {
    filter[program.len++] = {code, yes, no, value};
}

/// A search tree over system call numbers, of the size that docker's profile has for one architecture.
void emit_tree(unsigned low, unsigned high) {
    if (high - low == 1) return emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
    const unsigned middle = (low + high) / 2;
    emit(BPF_JMP | BPF_JGE | BPF_K, 0, 1, middle * 4);
    const unsigned jump = program.len;
    emit(BPF_JMP | BPF_JA, 0, 0, 0);
    emit_tree(low, middle);
    filter[jump].k = program.len - jump - 1;
    emit_tree(middle, high);
}

void make_filter() {
    program.filter = filter;
    const unsigned architectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM};
    for (unsigned architecture : architectures) {
        emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, arch));
        emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, architecture);
        const unsigned jump = program.len;
        emit(BPF_JMP | BPF_JA, 0, 0, 0);
        emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr));
        emit_tree(0, kLeaves);
        filter[jump].k = program.len - jump - 1;
    }
    emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_THREAD);
}

/// Allows the character devices of the default list, and mknod of everything: one comparison each, one exit.
int load_device_filter() {
    static bpf_insn code[32];
    const unsigned keys[] = {1 << 20 | 3, 1 << 20 | 5, 1 << 20 | 7, 1 << 20 | 8,
                             1 << 20 | 9, 5 << 20,     5 << 20 | 1, 5 << 20 | 2};
    int n = 0;
    const auto add = [&](uint8_t op, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
        code[n++] = {op, to, from, offset, value};
    };
    add(BPF_LDX | BPF_W | BPF_MEM, 2, 1, 4, 0);
    add(BPF_ALU | BPF_LSH | BPF_K, 2, 0, 0, 20);
    add(BPF_LDX | BPF_W | BPF_MEM, 3, 1, 8, 0);
    add(BPF_ALU | BPF_OR | BPF_X, 2, 3, 0, 0);
    add(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
    const int last = n + static_cast<int>(sizeof keys / sizeof *keys);
    for (unsigned key : keys)
        add(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, static_cast<int16_t>(last - n), static_cast<int32_t>(key));
    add(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insn_cnt = static_cast<uint32_t>(n);
    attributes.insns = reinterpret_cast<uint64_t>(code);
    attributes.license = reinterpret_cast<uint64_t>("Apache-2.0");
    return static_cast<int>(DO(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)));
}

void restrict_devices(int cgroup) {
    const int loaded = load_device_filter();
    bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = static_cast<uint32_t>(cgroup);
    attributes.attach_bpf_fd = static_cast<uint32_t>(loaded);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    DO(syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes));
    close(loaded);
}

// ---- mounts ---------------------------------------------------------------------------------------------------------

void bind_on(const char* source, const char* target, bool read_only) {
    const int tree = static_cast<int>(
        DO(syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
    mount_attr attributes = {read_only ? MOUNT_ATTR_RDONLY : 0UL, 0, kPrivate, 0};
    DO(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes));
    DO(syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
    close(tree);
}

void make_nodes() {
    const struct {
        const char* name;
        unsigned major, minor;
    } nodes[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                 {"dev/tty", 5, 0},  {"dev/urandom", 1, 9}, {"dev/random", 1, 8}};
    const mode_t mask = umask(0);
    for (const auto& node : nodes)
        DO(mknod(node.name, S_IFCHR | 0666, makedev(node.major, node.minor)));
    umask(mask);
    DO(symlink("/proc/self/fd", "dev/fd"));
    DO(symlink("/proc/self/fd/0", "dev/stdin"));
    DO(symlink("/proc/self/fd/1", "dev/stdout"));
    DO(symlink("/proc/self/fd/2", "dev/stderr"));
    DO(symlink("pts/ptmx", "dev/ptmx"));
}

void make_mounts() {
    const unsigned long all = kNoSuid | kNoDev | kNoExec;
    DO(mount("proc", "proc", "proc", f.docker ? all : 0, nullptr));
    DO(mount("tmpfs", "dev", "tmpfs", kNoSuid, "mode=755,size=65536k"));
    DO(mkdir("dev/pts", 0755));
    DO(mkdir("dev/shm", 0755));
    DO(mkdir("dev/mqueue", 0755));
    DO(mount("devpts", "dev/pts", "devpts", kNoSuid | kNoExec, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
    DO(mount("shm", "dev/shm", "tmpfs", all, "mode=1777,size=65536k"));
    DO(mount("mqueue", "dev/mqueue", "mqueue", all, nullptr));
    DO(mount("sysfs", "sys", "sysfs", all | kReadOnly, nullptr));
    DO(mount("cgroup", "sys/fs/cgroup", "cgroup2", all | kReadOnly, nullptr));
    make_nodes();
}

void make_binds() {
    char source[kPath + 32], target[64];
    const char* files[] = {"resolv.conf", "hostname", "hosts"};
    for (const char* name : files) {
        snprintf(source, sizeof source, "%s/bound/%s", f.base, name);
        snprintf(target, sizeof target, "etc/%s", name);
        bind_on(source, target, false);
    }
    for (int i = 0; i < 7; ++i) {
        snprintf(source, sizeof source, "%s/bound/%d", f.base, i);
        snprintf(target, sizeof target, "data/%d", i);
        bind_on(source, target, i % 2 == 1);
    }
    write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

void mask_paths() {
    const char* masked[] = {"/proc/acpi",        "/proc/asound",        "/proc/kcore",
                            "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
                            "/proc/timer_stats", "/proc/sched_debug",   "/sys/firmware",
                            "/proc/scsi",        "/proc/interrupts",    "/sys/devices/virtual/powercap"};
    const char* read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    for (int i = 0; i < (f.docker ? 12 : 10); ++i) {
        struct stat status;
        if (lstat(masked[i], &status) != 0) continue;
        if (S_ISDIR(status.st_mode))
            DO(mount("tmpfs", masked[i], "tmpfs", kReadOnly, "nr_blocks=1,nr_inodes=2"));
        else
            DO(mount("/dev/null", masked[i], nullptr, 4096, nullptr));
    }
    for (const char* path : read_only)
        if (access(path, F_OK) == 0) bind_on(path, path, true);
}

void build_root() {
    DO(mount(nullptr, "/", nullptr, kRecursive | kSlave, nullptr));
    if (f.docker) DO(unshare(CLONE_NEWCGROUP));
    bind_on(f.rootfs, f.rootfs, false);
    DO(chdir(f.rootfs));
    make_mounts();
    char go = 1;
    if (f.docker) {
        make_binds();
        if (write(f.to_parent[1], &go, 1) != 1 || read(f.to_child[0], &go, 1) != 1) die("hook");
    }
    DO(syscall(SYS_pivot_root, ".", "."));
    DO(umount2(".", 2));
    DO(chdir("/"));
    mask_paths();
    mount_attr attributes = {MOUNT_ATTR_RDONLY, 0, 0, 0};
    if (!f.docker) DO(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes));
}

// ---- identity -------------------------------------------------------------------------------------------------------

void take_identity(unsigned long allowed) {
    const rlimit files = {1024, 1024};
    DO(setrlimit(RLIMIT_NOFILE, &files));
    syscall(SYS_keyctl, 1, f.id);
    DO(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    for (unsigned bit = 0; bit <= kLastCapability; ++bit)
        if ((allowed >> bit & 1) == 0) prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
    DO(syscall(SYS_setgroups, 0, nullptr));
    DO(syscall(SYS_setresgid, 0, 0, 0));
    DO(syscall(SYS_setresuid, 0, 0, 0));
    if (!f.docker) DO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (program.len != 0) DO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const uint32_t low = static_cast<uint32_t>(allowed);
    __user_cap_data_struct sets[2] = {{low, low, 0}, {0, 0, 0}};
    DO(syscall(SYS_capset, &header, sets));
    DO(chdir("/"));
    syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
}

char* environment[] = {const_cast<char*>("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
                       const_cast<char*>("TERM=xterm"), nullptr};

[[noreturn]] void execute(const char* program_path, const char* argument) {
    char* arguments[] = {const_cast<char*>(program_path), const_cast<char*>(argument), nullptr};
    execve(program_path, arguments, environment);
    die(program_path);
}

// ---- processes ------------------------------------------------------------------------------------------------------

alignas(64) char child_stack[1 << 16];

/// clone3 with CLONE_VM: no copy of page tables. The child runs on a stack of its own and never returns.
pid_t clone_vm(clone_args& arguments, void (*child)()) {
    arguments.flags |= CLONE_VM;
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<uint64_t>(child_stack);
    arguments.stack_size = sizeof child_stack;
    long result = SYS_clone3;
    asm volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tcall *%[child]\n1:"
                 : "+a"(result)
                 : "D"(&arguments), "S"(sizeof arguments), [child] "r"(child)
                 : "rcx", "r11", "memory");
    if (result < 0) errno = static_cast<int>(-result);
    return static_cast<pid_t>(DO(result < 0 ? -1 : result));
}

void child_of_run() {
    setsid();
    const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    ioctl(control, SIOCSIFFLAGS, &request);
    close(control);
    build_root();
    DO(syscall(SYS_sethostname, "bench", 5));
    // The state has to be on disk, and the devices restricted, before the program runs.
    while (!__atomic_load_n(&f.gate, __ATOMIC_ACQUIRE))
        syscall(SYS_futex, &f.gate, FUTEX_WAIT, 0, nullptr, nullptr, 0);
    take_identity(f.docker ? kAllowedDocker : kAllowedSpec);
    if (strstr(f.bundle, "sleep") != nullptr) execute("/bin/sleep", "100000");
    execute("/bin/true", nullptr);
}

void child_of_exec() {
    take_identity(f.docker ? kAllowedDocker : kAllowedSpec);
    execute("/bin/true", nullptr);
}

void open_gate() {
    __atomic_store_n(&f.gate, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &f.gate, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

void write_state(pid_t pid) {
    char fresh[kPath + 8], file[kPath + 8], text[1024];
    snprintf(fresh, sizeof fresh, "%s/.s", f.state);
    snprintf(file, sizeof file, "%s/s", f.state);
    const int fd = static_cast<int>(DO(open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
    const int length = snprintf(text, sizeof text, "{\"docker\":%d,\"pid\":%d,\"id\":\"%s\",\"pad\":\"%0500d\"}",
                                f.docker ? 1 : 0, pid, f.id, 1);
    if (write(fd, text, static_cast<size_t>(length)) != length) die("state");
    close(fd);
    DO(rename(fresh, file));
}

void write_pid_file(pid_t pid) {
    if (f.pid_file == nullptr) return;
    const int fd = static_cast<int>(DO(open(f.pid_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)));
    dprintf(fd, "%d", pid);
    close(fd);
}

int read_state(char* text, size_t size) {
    char file[kPath + 8];
    snprintf(file, sizeof file, "%s/s", f.state);
    const int fd = static_cast<int>(DO(open(file, O_RDONLY | O_CLOEXEC)));
    text[DO(read(fd, text, size - 1))] = '\0';
    close(fd);
    f.docker = strstr(text, "\"docker\":1") != nullptr;
    return atoi(strstr(text, "\"pid\":") + 6);
}

void run_hook(pid_t pid) {
    char go = 1, text[256], path[kPath + 32];
    if (read(f.to_parent[0], &go, 1) != 1) die("hook");
    int input[2];
    DO(pipe2(input, O_CLOEXEC));
    const int length = snprintf(text, sizeof text, "{\"id\":\"%s\",\"pid\":%d}", f.id, pid);
    if (write(input[1], text, static_cast<size_t>(length)) != length) die("hook");
    close(input[1]);
    snprintf(path, sizeof path, "%s/rootfs/bin/busybox", f.base);
    const pid_t hook = vfork();
    if (hook == 0) {
        dup2(input[0], 0);
        char* arguments[] = {const_cast<char*>("true"), nullptr};
        execve(path, arguments, environment);
        _exit(127);
    }
    int status;
    DO(waitpid(hook, &status, 0));
    close(input[0]);
    if (write(f.to_child[1], &go, 1) != 1) die("hook");
}

int wait_for(pid_t pid) {
    int status;
    DO(waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run(bool detached) {
    f.docker = strstr(f.bundle, "/docker/") != nullptr;
    if (f.docker) make_filter();
    mkdir(f.root, 0700);
    DO(mkdir(f.state, 0700));
    DO(mkdir(f.cgroup, 0755));
    const int cgroup = static_cast<int>(DO(open(f.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (f.docker) {
        DO(pipe2(f.to_parent, O_CLOEXEC));
        DO(pipe2(f.to_child, O_CLOEXEC));
    }
    int pidfd = -1;
    clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_INTO_CGROUP |
                      CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    arguments.cgroup = static_cast<uint64_t>(cgroup);
    arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    const pid_t pid = clone_vm(arguments, child_of_run);
    restrict_devices(cgroup);
    write_state(pid);
    open_gate();
    if (f.docker) run_hook(pid);
    write_pid_file(pid);
    if (detached) return 0;
    const int code = wait_for(pid);
    while (rmdir(f.cgroup) != 0 && errno == EBUSY)
        sched_yield();
    char file[kPath + 8];
    snprintf(file, sizeof file, "%s/s", f.state);
    unlink(file);
    rmdir(f.state);
    return code;
}

int exec() {
    char text[2048];
    const int pid = read_state(text, sizeof text);
    if (f.docker) make_filter();
    const int cgroup = static_cast<int>(DO(open(f.cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC)));
    const int pidfd = static_cast<int>(DO(syscall(SYS_pidfd_open, pid, 0)));
    DO(setns(pidfd, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS |
                        (f.docker ? CLONE_NEWCGROUP : 0)));
    clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_INTO_CGROUP | CLONE_VFORK;
    arguments.cgroup = static_cast<uint64_t>(cgroup);
    return wait_for(clone_vm(arguments, child_of_exec));
}

int state() {
    char text[2048], path[64], stat[1024];
    const int pid = read_state(text, sizeof text);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool alive = fd >= 0 && read(fd, stat, sizeof stat) > 0;
    dprintf(1, "{\"id\":\"%s\",\"status\":\"%s\",\"record\":%s}\n", f.id, alive ? "running" : "stopped", text);
    return 0;
}

void name_places() {
    snprintf(f.base, sizeof f.base, "%s", f.bundle);
    if (char* end = strrchr(f.base, '/')) *end = '\0';
    snprintf(f.rootfs, sizeof f.rootfs, "%s/rootfs", f.base);
    snprintf(f.state, sizeof f.state, "%s/%s", f.root, f.id);
    snprintf(f.cgroup, sizeof f.cgroup, "/sys/fs/cgroup/%s", f.id);
}

/// Removes what `run -d` has left, so that the benches can clean up. Not one of the measured commands.
int remove_leftovers() {
    char file[kPath + 16];
    snprintf(file, sizeof file, "%s/cgroup.kill", f.cgroup);
    write_file(file, "1");
    while (rmdir(f.cgroup) != 0 && errno == EBUSY)
        sched_yield();
    snprintf(file, sizeof file, "%s/s", f.state);
    unlink(file);
    rmdir(f.state);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    const char* command = "";
    const char* words[8] = {};
    int number_of_words = 0;
    bool detached = false;
    for (int i = 1; i < count; ++i) {
        const char* word = arguments[i];
        if (strcmp(word, "--root") == 0 && i + 1 < count)
            f.root = arguments[++i];
        else if (strcmp(word, "--bundle") == 0 && i + 1 < count)
            f.bundle = arguments[++i];
        else if (strcmp(word, "--pid-file") == 0 && i + 1 < count)
            f.pid_file = arguments[++i];
        else if (strcmp(word, "-d") == 0)
            detached = true;
        else if (word[0] != '-' && number_of_words < 8)
            words[number_of_words++] = word;
    }
    if (number_of_words > 0) command = words[0];
    if (number_of_words > 1) f.id = words[1];
    name_places();
    if (strcmp(command, "run") == 0) return run(detached);
    if (strcmp(command, "exec") == 0) return exec();
    if (strcmp(command, "state") == 0) return state();
    if (strcmp(command, "delete") == 0) return remove_leftovers();
    dprintf(2, "floor: no such command\n");
    return kNotOffered;
}
