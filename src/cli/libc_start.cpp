// How the C library begins in a static program, without asking the processor what it is. glibc's own start does that
// some eighty times (CPUID), for the fastest memcpy(3) and the sizes of caches; in a virtual machine every time is a
// way out to the hypervisor and back, 1 to 6 us, and so most of the time of a short command. arca copies little, and
// with what is left out here, the functions that every x86-64 processor can run.
//
// No tunable spares the questions. So the program brings a __libc_start_main() of its own, which the linker then takes
// instead of that of libc.a. What it has to call, and when, is glibc's own affair and not kept the same: CMakeLists.txt
// compiles this file only for the releases that it was compared with, 2.36 of Debian 12 and 2.41 of Debian 13. With all
// others arca starts as every program does.
#include <link.h>

#include <cstddef>
#include <cstdint>

#pragma GCC visibility push(hidden)
extern "C" {
// Of glibc (csu/libc-start.c, elf/dl-support.c, csu/libc-tls.c, csu/init-first.c).
extern char** __environ;
extern void* __libc_stack_end;
extern void* _dl_random;  // 16 random bytes, from the kernel
extern int __libc_enable_secure;
void _dl_aux_init(ElfW(auxv_t) *);
void __tunables_init(char**);
void _dl_relocate_static_pie();
void __libc_setup_tls();
void __libc_early_init(bool);
void __libc_init_first(int, char**, char**);
void __libc_check_standard_fds();
void* _dl_debug_initialize(ElfW(Addr), long);
int __cxa_atexit(void (*)(void*), void*, void*);
[[noreturn]] void exit(int);

// Of the linker and of crti.o.
using Function = void (*)(int, char**, char**);
extern const Function __preinit_array_start[];
extern const Function __preinit_array_end[];
extern const Function __init_array_start[];
extern const Function __init_array_end[];
extern void (*const __fini_array_start[])();
extern void (*const __fini_array_end[])();
void _init();
void _fini();

// What memcpy(3) and memset(3) go by, in bytes: glibc's values for a processor that it knows nothing of.
long __x86_data_cache_size = 32L << 10;
long __x86_data_cache_size_half = 16L << 10;
long __x86_shared_cache_size = 1L << 20;
long __x86_shared_cache_size_half = 512L << 10;
long __x86_shared_non_temporal_threshold = 768L << 10;
long __x86_rep_movsb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = 768L << 10;
long __x86_rep_stosb_threshold = 2048;
long __x86_memset_non_temporal_threshold = 768L << 10;  // 2.41 only, as the next
unsigned long _dl_x86_features_tlsdesc_state_size = 0;  // of shared objects
int __x86_string_control = 0;
}
#pragma GCC visibility pop

namespace {

// ORDER: after the thread's own memory exists, in which they are: what -fstack-protector compares, a null byte first so
// that no string contains it, and what setjmp(3) and atexit(3) hide pointers with.
void set_guards() {
    const auto* random = static_cast<const std::uint64_t*>(_dl_random);
    constexpr std::uint64_t kFirstByte = 0xff;
    asm volatile("movq %0, %%fs:0x28" : : "r"(random[0] & ~kFirstByte));
    asm volatile("movq %0, %%fs:0x30" : : "r"(random[1]));
}

void call_all(const Function* begin, const Function* end, int count, char** arguments) {
    for (; begin < end; ++begin)
        (*begin)(count, arguments, __environ);
}

void call_destructors(void*) {
    for (auto size = __fini_array_end - __fini_array_start; size > 0; --size)
        __fini_array_start[size - 1]();
    _fini();
}

}  // namespace

/// Called by _start, of rcrt1.o. `at_exit` is that of a dynamic linker: none here.
extern "C" [[noreturn, gnu::visibility("hidden")]] int __libc_start_main(int (*main)(int, char**, char**), int count,
                                                                         char** arguments, void (*)(), void (*)(),
                                                                         void (*)(), void* stack_end) {
    __environ = arguments + count + 1;
    __libc_stack_end = stack_end;
    char** end = __environ;
    while (*end != nullptr)
        ++end;
    _dl_aux_init(reinterpret_cast<ElfW(auxv_t)*>(end + 1));
    __tunables_init(__environ);
    // Here functions of which there are several are chosen: knowing nothing of the processor, the one for all of them.
    _dl_relocate_static_pie();
    __libc_setup_tls();
    set_guards();
    __libc_early_init(true);
    __libc_init_first(count, arguments, __environ);
    __cxa_atexit(call_destructors, nullptr, nullptr);
    if (__libc_enable_secure != 0) __libc_check_standard_fds();
    call_all(__preinit_array_start, __preinit_array_end, count, arguments);
    _init();
    call_all(__init_array_start, __init_array_end, count, arguments);
    _dl_debug_initialize(0, 0);
    exit(main(count, arguments, __environ));
}
