#include "rdt/plan.hpp"

#include "base/text.hpp"

namespace arca::rdt {

namespace {
// A schema may name several resources, one a line.
void append_lines(std::vector<std::string>& out, const std::string& schema) {
    for (const auto line : text::split(schema, '\n'))
        if (const auto trimmed = text::trim(line); !trimmed.empty()) out.emplace_back(trimmed);
}

// l3CacheSchema is for the cache alone: bandwidth in it is passed over, as other runtimes do, for memBwSchema follows.
void append_cache_lines(std::vector<std::string>& out, const std::string& schema) {
    std::vector<std::string> lines;
    append_lines(lines, schema);
    for (auto& line : lines)
        if (!line.starts_with("MB:")) out.push_back(std::move(line));
}
}  // namespace

std::vector<std::string> schemata_of(const std::string& l3_cache_schema, const std::string& mem_bw_schema) {
    std::vector<std::string> lines;
    append_cache_lines(lines, l3_cache_schema);
    append_lines(lines, mem_bw_schema);
    return lines;
}

Result<Plan> plan(const spec::IntelRdt& wanted, const std::string& id, const std::string& mount_point) {
    if (mount_point.empty())
        return fail(Error(Code::Unsupported, "no resctrl file system is mounted on this host").at("/linux/intelRdt"));
    Plan plan;
    plan.root = mount_point;
    plan.group = wanted.clos_id.empty() ? id : wanted.clos_id == "/" ? "" : wanted.clos_id;
    plan.schemata = schemata_of(wanted.l3_cache_schema, wanted.mem_bw_schema);
    for (const auto& line : wanted.schemata)
        append_lines(plan.schemata, line);
    if (!wanted.clos_id.empty()) plan.kind = plan.schemata.empty() ? Plan::Group::Named : Plan::Group::Shared;
    if (wanted.enable_monitoring) plan.monitor = id;
    return plan;
}

}  // namespace arca::rdt
