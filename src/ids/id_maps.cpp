#include "ids/id_maps.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace arca::ids {

namespace {
using Map = std::vector<spec::IdMapping>;

constexpr std::size_t kMaximalLines = 340;     // user_namespaces(7), since Linux 4.15
constexpr std::uint64_t kIdEnd = 0xFFFF'FFFF;  // (uid_t) -1 means "no id"

std::unexpected<Error> invalid(std::string pointer, std::string text) {
    return fail(Error(Code::InvalidConfig, std::move(text)).at(std::move(pointer)));
}

bool overlap(std::uint64_t first, std::uint64_t first_size, std::uint64_t second, std::uint64_t second_size) {
    return first < second + second_size && second < first + first_size;
}

Result<> check_line(const Map& map, std::size_t index, const std::string& list) {
    const auto& line = map[index];
    const auto pointer = text::cat(list, "/", index);
    if (line.size == 0) return invalid(text::cat(pointer, "/size"), "must not be 0");
    if (std::uint64_t{line.container} + line.size > kIdEnd || std::uint64_t{line.host} + line.size > kIdEnd)
        return invalid(pointer, text::cat("reaches beyond the largest id, ", kIdEnd - 1));
    for (std::size_t i = 0; i < index; ++i) {
        if (overlap(map[i].container, map[i].size, line.container, line.size))
            return invalid(pointer, text::cat("its container ids are mapped by ", list, "/", i, " already"));
        if (overlap(map[i].host, map[i].size, line.host, line.size))
            return invalid(pointer, text::cat("its host ids are mapped by ", list, "/", i, " already"));
    }
    return {};
}

Result<> check_map(const Map& map, const std::string& list) {
    if (map.empty()) return invalid(list, "a new user namespace needs at least one mapping");
    if (map.size() > kMaximalLines)
        return invalid(list, text::cat("has ", map.size(), " entries, the kernel takes ", kMaximalLines));
    for (std::size_t i = 0; i < map.size(); ++i)
        TRY(check_line(map, i, list));
    if (!to_host(map, 0)) return invalid(list, "does not map id 0 of the container, which sets the container up");
    return {};
}

// user_namespaces(7): who maps only its own gid must give up setgroups(2) first, or it could drop a group that a file's
// mode shuts out.
Result<> check_groups(const Plan& plan, const spec::Config& config) {
    if (!plan.deny_setgroups || !config.process || config.process->user.additional_gids.empty()) return {};
    return invalid("/process/user/additionalGids",
                   plan.new_user_namespace
                       ? "cannot be had: an unprivileged user who maps only the own gid must deny setgroups"
                       : "cannot be had: who made the user namespace that arca runs in has denied setgroups");
}

Result<> check_process(const Plan& plan, const spec::User& user) {
    auto unmapped = [](std::string pointer, std::uint32_t id, const char* list) {
        return invalid(std::move(pointer), text::cat("id ", id, " is not mapped by ", list));
    };
    if (!to_host(plan.uids, user.uid)) return unmapped("/process/user/uid", user.uid, "/linux/uidMappings");
    if (!to_host(plan.gids, user.gid)) return unmapped("/process/user/gid", user.gid, "/linux/gidMappings");
    for (std::size_t i = 0; i < user.additional_gids.size(); ++i)
        if (!to_host(plan.gids, user.additional_gids[i]))
            return unmapped(text::cat("/process/user/additionalGids/", i), user.additional_gids[i],
                            "/linux/gidMappings");
    return {};
}

bool maps_only(const Map& map, std::uint32_t id) {
    return map.size() == 1 && map[0].size == 1 && map[0].host == id;
}
}  // namespace

std::optional<std::uint32_t> to_host(const std::vector<spec::IdMapping>& maps, std::uint32_t container_id) {
    if (maps.empty()) return container_id;
    for (const auto& line : maps)
        if (container_id >= line.container && container_id - line.container < line.size)
            return line.host + (container_id - line.container);
    return std::nullopt;
}

bool is_mapped(const std::vector<spec::IdMapping>& maps, std::uint32_t host_id) {
    return std::ranges::any_of(
        maps, [&](const auto& line) { return host_id >= line.host && host_id - line.host < line.size; });
}

Result<Plan> plan(const spec::Config& config, const host::Facts& facts) {
    Plan plan{.uids = config.linux_.uid_mappings,
              .gids = config.linux_.gid_mappings,
              .deny_setgroups = facts.setgroups_denied};
    const auto* user = spec::find_namespace(config, spec::NamespaceType::User);
    if (user == nullptr) {
        TRY(check_groups(plan, config));
        if (plan.uids.empty() && plan.gids.empty()) return plan;
        return invalid(plan.uids.empty() ? "/linux/gidMappings" : "/linux/uidMappings",
                       "needs a user namespace in /linux/namespaces");
    }
    if (!user->path.empty()) return plan;  // has its maps; the config's serve to translate ids
    plan.new_user_namespace = true;
    TRY(check_map(plan.uids, "/linux/uidMappings"));
    TRY(check_map(plan.gids, "/linux/gidMappings"));
    const bool is_privileged = facts.euid == 0;
    const bool maps_self = maps_only(plan.uids, facts.euid) && maps_only(plan.gids, facts.egid);
    plan.writer = is_privileged || maps_self ? Writer::Direct : Writer::Helpers;
    if (!is_privileged && maps_self) plan.deny_setgroups = true;
    TRY(check_groups(plan, config));
    if (config.process) TRY(check_process(plan, config.process->user));
    return plan;
}

}  // namespace arca::ids
