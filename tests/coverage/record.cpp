// Linked into arca and the unit tests of a build with -DARCA_COVERAGE=ON, where gcc puts a call before every basic
// block
// (-fsanitize-coverage=trace-pc). Each call notes its place in a file that is mapped shared, so that nothing has to be
// written at the end: what gcov would lose, a process that calls _exit, becomes the container's program, has pivoted
// away from its files or is killed, counts here as well. tests/coverage/report reads the files.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
extern const char __executable_start;  // both by the linker
extern const char etext;
void __sanitizer_cov_trace_pc();
}

namespace {

unsigned char* reached = nullptr;  // a byte for every byte of code

__attribute__((constructor(101))) void map_record() {
    const int fd = ::open(ARCA_COVERAGE_FILE, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;  // no record, but whatever is tested goes on
    const auto size = static_cast<unsigned long>(&etext - &__executable_start);
    void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED && ::lseek(fd, 0, SEEK_END) >= static_cast<long>(size))
        reached = static_cast<unsigned char*>(mapped);
    ::close(fd);
}

}  // namespace

void __sanitizer_cov_trace_pc() {
    if (reached == nullptr) return;
    reached[static_cast<const char*>(__builtin_return_address(0)) - &__executable_start] = 1;
}
