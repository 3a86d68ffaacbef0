// The first instructions of the program, before those of the C library. What enters a container has to be executed a
// second time, from an image that the container cannot write (container/own_image.cpp tells why), and everything the
// first time has done by then is thrown away: the start of the C library, relocations, options. So the second time is
// asked for here, at once. This, and what is asked of the kernel beforehand, only saves time: where it is not compiled,
// or where one of the calls fails, the same is done in the ordinary way, by protect_own_image().
//
// Nothing exists yet: no relocated pointers, no thread pointer (hence no stack protector), no memcpy. So this file
// calls nothing but what is in it, and has a few compiler flags of its own (CMakeLists.txt).
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

// Of the linker. Weak where the program is linked without cmake/layout.ld.
extern "C" {
[[gnu::visibility("hidden")]] extern const char __init_array_start[];
[[gnu::visibility("hidden")]] extern const char _end[];
[[gnu::visibility("hidden"), gnu::weak]] extern const char arca_reached_begin[];
[[gnu::visibility("hidden"), gnu::weak]] extern const char arca_reached_end[];
}

namespace {

// MADV_POPULATE_*, of Linux 5.14.
constexpr int kPopulateRead = 22;
constexpr int kPopulateWrite = 23;

constexpr char kOwnImage[] = "/proc/self/exe";
constexpr long kReadOnly = 1;  // ST_RDONLY, in the kernel's f_flags as well

template<class T>
long word(T* pointer) {
    return reinterpret_cast<long>(pointer);
}

// forbidden elsewhere: sys/ holds all other system calls
long call(long number, long first, long second = 0, long third = 0, long fourth = 0, long fifth = 0) {
    long result;
    register long r10 asm("r10") = fourth;
    register long r8 asm("r8") = fifth;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
}

bool equal(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) {
        ++a;
        ++b;
    }
    return *a == *b;
}

/// A word that only happens to be spelt like a command costs the time of an execve, no more.
bool enters_container(char** arguments) {
    for (char** word = arguments; *word != nullptr; ++word)
        if (equal(*word, "create") || equal(*word, "run") || equal(*word, "exec")) return true;
    return false;
}

bool is_on_read_only_mount() {
    struct statfs status;
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the kernel has written it
    return call(SYS_statfs, word(kOwnImage), word(&status)) == 0 && (status.f_flags & kReadOnly) != 0;
}

/// Returns when it did not work.
void execute_from_read_only_mount(char** arguments, char** environment) {
    const long tree = call(SYS_open_tree, AT_FDCWD, word(kOwnImage), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) return;
    mount_attr attributes = {MOUNT_ATTR_RDONLY, 0, 0, 0};
    if (call(SYS_mount_setattr, tree, word(""), AT_EMPTY_PATH, word(&attributes), sizeof attributes) == 0)
        call(SYS_execveat, tree, word(""), word(arguments), word(environment), AT_EMPTY_PATH);
    call(SYS_close, tree);
}

// What every command writes to or runs through, page by page: asked for at once, it costs no page fault for each. The
// segment of data, nearly all of which is relocated; the functions that commands reach (cmake/layout.ld).
void populate(const char* begin, const char* end, int advice) {
    constexpr long kPage = 4096;
    const long first = word(begin) & -kPage;
    // FALLBACK(linux<5.14): as they are touched.
    call(SYS_madvise, first, word(end) - first, advice);
}

void populate_what_is_used() {
    populate(__init_array_start, _end, kPopulateWrite);
    if (arca_reached_begin != nullptr) populate(arca_reached_begin, arca_reached_end, kPopulateRead);
}

}  // namespace

/// `stack` as the kernel leaves it: the number of arguments, the arguments, a null pointer, the environment.
extern "C" [[gnu::visibility("hidden"), gnu::used]] void arca_begin(long* stack) {
    char** arguments = reinterpret_cast<char**>(stack + 1);
    char** environment = arguments + stack[0] + 1;
    if (enters_container(arguments) && !is_on_read_only_mount()) execute_from_read_only_mount(arguments, environment);
    populate_what_is_used();
}

// The entry point of the program (the linker is told so). %rdx and the stack belong to _start, the C library's.
asm(R"(
    .text
    .globl arca_start
    .hidden arca_start
    .type arca_start, @function
arca_start:
    movq %rsp, %rdi
    pushq %rdx
    pushq %rdi
    call arca_begin
    popq %rdi
    popq %rdx
    jmp _start
    .size arca_start, . - arca_start
)");
