#include "cgroup/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
bool holds(const Events& events, Condition condition) {
    switch (condition) {
        case Condition::Empty:
            return !events.populated;
        case Condition::Frozen:
            return events.frozen;
        case Condition::Thawed:
            return !events.frozen;
    }
    return false;
}
}  // namespace

Result<std::string> read_from_start(sys::FdRef file, const std::string& name) {
    std::string content;
    std::array<char, 4096> buffer;
    for (;;) {
        auto count = ::pread(file.number(), buffer.data(), buffer.size(), static_cast<off_t>(content.size()));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return sys::last_error(text::cat("read(", name, ")"));
        if (count == 0) return content;
        content.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Result<std::string> read_file(sys::FdRef directory, const std::string& name) {
    auto file = TRY(sys::openat(directory, name, O_RDONLY));
    return read_from_start(file, name);
}

namespace {
Result<std::vector<std::string>> names_of_type(sys::FdRef directory, unsigned char type) {
    auto fd = TRY(sys::openat(directory, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd.number()), &::closedir);
    if (!entries) return sys::last_error("fdopendir");
    (void)fd.release();  // closedir closes it
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const auto* entry = ::readdir(entries.get());
        if (entry == nullptr && errno != 0) return sys::last_error("readdir");
        if (entry == nullptr) return names;
        const std::string_view name = entry->d_name;
        if (entry->d_type == type && name != "." && name != "..") names.emplace_back(name);
    }
}
}  // namespace

Result<std::vector<std::string>> child_names(sys::FdRef directory) {
    return names_of_type(directory, DT_DIR);
}

Result<std::vector<std::string>> file_names(sys::FdRef directory) {
    return names_of_type(directory, DT_REG);
}

std::optional<std::uint64_t> value_of(std::string_view content, std::string_view key) {
    for (auto line : text::split(content, '\n'))
        if (line.starts_with(key) && line.substr(key.size()).starts_with(' '))
            return text::to_uint(line.substr(key.size() + 1));
    return std::nullopt;
}

Events parse_events(std::string_view content) {
    return {.populated = value_of(content, "populated").value_or(0) != 0,
            .frozen = value_of(content, "frozen").value_or(0) != 0};
}

Result<Events> read_events(sys::FdRef directory) {
    return parse_events(TRY(read_file(directory, "cgroup.events")));
}

bool is_gone(const Error& error) {
    return error.errnum() == ENOENT || error.errnum() == ENODEV;
}

int Deadline::remaining_ms() const {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
    return left > 0 ? static_cast<int>(left) : 0;
}

Result<bool> await(sys::FdRef directory, Condition condition, Deadline deadline) {
    auto file = sys::openat(directory, "cgroup.events", O_RDONLY);
    if (!file && is_gone(file.error())) return condition != Condition::Frozen;
    if (!file) return fail(std::move(file.error()));
    for (;;) {
        // ORDER: read before poll: a change after this read is what poll reports (kernfs counts from the last read).
        auto content = read_from_start(*file, "cgroup.events");
        if (!content && is_gone(content.error())) return condition != Condition::Frozen;
        if (holds(parse_events(TRY(std::move(content))), condition)) return true;
        const int remaining = deadline.remaining_ms();
        if (remaining == 0) return false;
        pollfd entry{file->number(), POLLPRI, 0};
        if (::poll(&entry, 1, remaining) < 0 && errno != EINTR) return sys::last_error("poll(cgroup.events)");
    }
}

}  // namespace arca::cgroup
