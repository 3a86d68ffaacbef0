// One mount in words: type, source, destination, then its options, one a line.
#include "mounts/options.hpp"
#include "mounts/plan.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target mount_options("mount_options", [](std::string_view input) {
    auto words = fuzz::lines_of(input);
    words.resize(std::max<std::size_t>(words.size(), 3));
    spec::Mount mount{.destination = words[2], .type = words[0], .source = words[1]};
    mount.options.assign(words.begin() + 3, words.end());
    spec::Config config;
    config.root.path = "rootfs";
    config.mounts = {mount};
    std::vector<spec::Note> notes;
    const auto plan = mounts::plan(config, {.rootfs = "/bundle/rootfs", .bundle = "/bundle"}, notes);
    for (const auto& word : words)
        (void)mounts::nearest_option(word);
    if (!plan) return;
    for (const auto& step : plan->mounts)
        (void)mounts::describe(step);
});
}  // namespace
