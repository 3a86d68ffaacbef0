// probe SUBCOMMAND WORD... [, SUBCOMMAND WORD...]...
#include <cstdio>
#include <cstring>

#include "probe.hpp"

namespace {
using probe::Command;

const Command* find(const char* name) {
    for (const Command* list : {probe::kIdentityCommands, probe::kEnvironmentCommands, probe::kFileCommands,
                                probe::kActionCommands, probe::kAttackCommands}) {
        for (; list->name != nullptr; ++list) {
            if (strcmp(list->name, name) == 0) return list;
        }
    }
    return nullptr;
}
}  // namespace

int main(int argc, char** argv) {
    int status = 0;
    for (int i = 1; i < argc && status == 0; ++i) {
        const Command* command = find(argv[i]);
        if (command == nullptr) {
            fprintf(stderr, "probe: no subcommand %s\n", argv[i]);
            return 99;
        }
        probe::Words words;
        while (++i < argc && strcmp(argv[i], ",") != 0)
            words.emplace_back(argv[i]);
        status = command->run(words);
    }
    return status;
}
