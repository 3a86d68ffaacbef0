// Limits of a cgroup that is in use: all of them change, or none does.
#include "cgroup/controllers.hpp"
#include "cgroup/files.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/limits.hpp"
#include "cgroup/v1_group.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
// The line of a keyed file that `value` will change, in the form in which it can be written again.
std::string line_for(std::string_view content, const std::string& file, std::string_view value) {
    const auto space = value.find(' ');
    const auto key = space == std::string_view::npos ? std::string_view("default") : value.substr(0, space);
    for (auto line : text::split(content, '\n'))
        if (line.starts_with(key) && line.substr(key.size()).starts_with(' ')) return std::string(line);
    // A device without limits has no line (cgroup-v2.rst, "io.max").
    return file == "io.max" ? text::cat(key, " rbps=max wbps=max riops=max wiops=max") : "";
}
}  // namespace

void Snapshot::take(sys::FdRef directory, const std::string& file, std::string_view value) {
    if (file.empty() || !directory) return;
    const auto content = read_file(directory, file);
    if (!content) return;  // absent, or it can only be written
    auto before = is_keyed_by_device(file) ? line_for(*content, file, value) : std::string(text::trim(*content));
    if (before.empty() && is_keyed_by_device(file)) return;
    before_.push_back({directory, file, before.empty() ? "\n" : std::move(before)});
}

Result<> Snapshot::restore() const {
    Result<> outcome;
    for (auto saved = before_.rbegin(); saved != before_.rend(); ++saved) {
        auto written = sys::write_file_at(saved->directory, saved->file, saved->value);
        if (outcome && !written) outcome = fail(std::move(written.error()).with("putting a limit back"));
    }
    return outcome;
}

Result<Snapshot> update_writes(const std::vector<Write>& writes, const DirectoryFor& directory_for) {
    Snapshot snapshot;
    for (const auto& write : writes) {
        snapshot.take(directory_for(write), write.file, write.value);
        snapshot.take(directory_for(write), write.other_file, write.other_value);
    }
    auto applied = apply_writes(writes, directory_for);
    if (applied) return snapshot;
    return fail(also(std::move(applied.error()), snapshot.restore()));
}

Result<> V2Group::enable_for(const std::vector<Write>& writes) const {
    const auto needs = controllers_needed(writes);
    return needs.empty() ? Result<>{}
                         : enable_controllers(TRY(open_mount(location_.mount_point)), parent_of(location_.path), needs);
}

Result<Snapshot> V2Group::update(const std::vector<Write>& writes) const {
    TRY(enable_for(writes));
    return TRY_CTX(update_writes(writes, [this](const Write&) { return directory_.ref(); }),
                   text::cat("cgroup ", location_.path));
}

// The limits that are in v2 on a hybrid host have no controller in v1.
Result<Snapshot> V1Group::update(const std::vector<Write>& writes) const {
    auto in_v2 = writes;
    std::erase_if(in_v2, [this](const Write& write) { return static_cast<bool>(directory_of(write.controller)); });
    if (unified_) TRY(unified_->enable_for(in_v2));
    const auto directory_for = [this](const Write& write) {
        const auto directory = directory_of(write.controller);
        return directory || !unified_ ? directory : unified_->fd();
    };
    return TRY_CTX(update_writes(writes, directory_for), text::cat("cgroup ", location_.path));
}

}  // namespace arca::cgroup
