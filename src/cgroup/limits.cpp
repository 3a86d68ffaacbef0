#include "cgroup/limits.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "cgroup/files.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
// memory.checkBeforeUpdate: the kernel would meet a limit below what is in use by killing.
Result<> check_usage(sys::FdRef directory, const Write& write) {
    if (write.usage_file.empty()) return {};
    const auto limit = text::to_uint(write.value);
    const auto content = read_file(directory, write.usage_file);
    const auto usage = content ? text::to_uint(text::trim(*content)) : std::nullopt;
    if (!limit || !usage || *usage <= *limit) return {};
    const auto* what = write.file == "memory.max" ? "memory" : "memory+swap";
    return fail(Error(Code::WrongState, text::cat("rejecting ", what, " limit: ", write.file, " would be ", *limit,
                                                  ", but ", *usage, " bytes are in use"))
                    .at(write.pointer));
}

std::string huge_page_sizes(sys::FdRef directory) {
    std::string sizes;
    for (const char* size : {"64KB", "512KB", "1MB", "2MB", "8MB", "16MB", "32MB", "256MB", "512MB", "1GB", "16GB"})
        for (const char* file : {".max", ".limit_in_bytes"})
            if (sys::fstatat(directory, text::cat("hugetlb.", size, file), 0)) sizes += text::cat(" ", size);
    return sizes.empty() ? " none" : sizes;
}

Error explain_absence(sys::FdRef directory, const Write& write) {
    const auto controllers = read_file(directory, "cgroup.controllers");
    const bool is_v1 = !controllers;
    const auto enabled = text::trim(controllers ? std::string_view(*controllers) : "");
    const auto names = text::split(enabled, ' ');
    Error error(Code::Unsupported, text::cat("there is no ", write.file, " here"), ENOENT);
    error = std::move(error).at(write.pointer);
    if (write.controller.empty()) return std::move(error).hinting("this kernel does not have it");
    if (!is_v1 && std::ranges::find(names, write.controller) == names.end())
        return std::move(error).hinting(text::cat("the controller ", write.controller, " is not enabled: only ",
                                                  enabled.empty() ? "none" : enabled));
    if (write.controller == "hugetlb")
        return std::move(error).hinting(text::cat("this kernel has the page sizes", huge_page_sizes(directory)));
    return std::move(error).hinting(text::cat("this kernel's ", write.controller, " controller does not have it"));
}

struct Bound {
    std::string_view file;
    std::array<const char*, 2> above;
};
constexpr std::array kBounds = {
    Bound{"cpuset.cpus", {"cpuset.cpus.effective", "cpuset.effective_cpus"}},
    Bound{"cpuset.mems", {"cpuset.mems.effective", "cpuset.effective_mems"}},
    Bound{"cpu.rt_runtime_us", {"cpu.rt_runtime_us", "cpu.rt_runtime_us"}},
};

Error explain_refusal(sys::FdRef directory, const Write& write, Error error) {
    error = std::move(error).at(write.pointer);
    const auto look = [&](const std::string& file) {
        return std::string(text::trim(sys::read_file_at(directory, file).value_or("")));
    };
    // Values are bounded by those of the cgroup above. The first name is v2's, the second that of v1.
    for (const auto& bound : kBounds)
        for (const char* file : bound.above)
            if (write.file == bound.file && !look(text::cat("../", file)).empty())
                return std::move(error).hinting(text::cat("the parent's ", file, " is ", look(text::cat("../", file))));
    // Only v1 refuses a limit for being in use; it has tried to reclaim before.
    if (write.file.starts_with("memory.") && error.errnum() == EBUSY)
        return std::move(error).hinting(text::cat("in use are ", look("memory.usage_in_bytes"), " bytes, at most were ",
                                                  look("memory.max_usage_in_bytes")));
    return error;
}

Result<> write_one(sys::FdRef directory, const Write& write) {
    TRY(check_usage(directory, write));
    auto file = sys::openat(directory, write.file, O_WRONLY | O_NOFOLLOW);
    const bool absent = !file && is_gone(file.error());
    if (absent && write.if_absent == IfAbsent::Skip) return {};
    if (absent && write.if_absent == IfAbsent::UseOther)
        return write_one(directory, {.file = write.other_file,
                                     .value = write.other_value,
                                     .pointer = write.pointer,
                                     .controller = write.controller});
    if (absent) return fail(explain_absence(directory, write));
    if (!file) return fail(std::move(file.error()).at(write.pointer));
    auto written = sys::write_all(*file, write.value);
    if (written) return {};
    const int errnum = written.error().errnum();
    Error error(Code::System, text::cat("write(", write.file, ", \"", text::trim(write.value), "\")"), errnum);
    return fail(explain_refusal(directory, write, std::move(error)));
}
}  // namespace

// Pairs such as cpu.max and cpu.max.burst are valid only together, and which must come first depends on the values they
// have now. So what the kernel calls invalid is tried once more after everything else.
Result<> apply_writes(const std::vector<Write>& writes, const DirectoryFor& directory_for) {
    std::vector<const Write*> again;
    for (const auto& write : writes) {
        auto written = write_one(directory_for(write), write);
        if (!written && written.error().errnum() == EINVAL && &write != &writes.back())
            again.push_back(&write);
        else
            TRY(std::move(written));
    }
    for (const auto* write : again)
        TRY(write_one(directory_for(*write), *write));
    return {};
}

Result<> V2Group::apply(const std::vector<Write>& writes) const {
    TRY_CTX(apply_writes(writes, [this](const Write&) { return directory_.ref(); }),
            text::cat("cgroup ", location_.path));
    return {};
}

}  // namespace arca::cgroup
