// Id maps, as triples of numbers: "u 0 100000 65536" and "g 0 100000 65536", one a line.
#include "ids/id_maps.hpp"

#include <cstdio>

#include "target.hpp"

using namespace arca;

namespace {
spec::Config config_of(std::string_view input) {
    spec::Config config;
    config.process.emplace();
    config.linux_.namespaces = {{spec::NamespaceType::User, ""}};
    for (const auto& line : fuzz::lines_of(input)) {
        char kind = 0;
        spec::IdMapping mapping;
        if (std::sscanf(line.c_str(), "%c %u %u %u", &kind, &mapping.container, &mapping.host, &mapping.size) != 4)
            continue;
        (kind == 'u' ? config.linux_.uid_mappings : config.linux_.gid_mappings).push_back(mapping);
    }
    return config;
}

const fuzz::Target id_maps("id_maps", [](std::string_view input) {
    const auto config = config_of(input);
    for (uid_t euid : {0U, 1000U}) {
        host::Facts facts;
        facts.euid = facts.egid = euid;
        const auto plan = ids::plan(config, facts);
        if (!plan) continue;
        for (std::uint32_t id : {0U, 1U, 65535U, 4294967294U}) {
            const auto host = ids::to_host(plan->uids, id);
            bool mapped = false;
            for (const auto& mapping : plan->uids)
                mapped = mapped || (id >= mapping.container && id - mapping.container < mapping.size);
            fuzz::require(host.has_value() == mapped, "an id has a host's if a mapping holds it");
        }
    }
});
}  // namespace
