#include "seccomp/calls.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "seccomp/architectures.hpp"

namespace arca::seccomp {

namespace {
/// Calls that i386 has as parts of another one, told apart by its first argument, and most of them on their own too
/// (socketcall(2), ipc(2); arch/x86/entry/syscalls/syscall_32.tbl). libseccomp gives them pseudo numbers.
struct Multiplexed {
    int pseudo_number;
    std::uint32_t by;
    std::uint64_t first_argument;
    std::uint32_t direct;  ///< 0: it has no number of its own
};
constexpr std::uint32_t kSocketcall = 102, kIpc = 117;
constexpr std::array kMultiplexed = {Multiplexed{__PNR_socket, kSocketcall, 1, 359},
                                     Multiplexed{__PNR_bind, kSocketcall, 2, 361},
                                     Multiplexed{__PNR_connect, kSocketcall, 3, 362},
                                     Multiplexed{__PNR_listen, kSocketcall, 4, 363},
                                     Multiplexed{__PNR_accept, kSocketcall, 5, 0},
                                     Multiplexed{__PNR_getsockname, kSocketcall, 6, 367},
                                     Multiplexed{__PNR_getpeername, kSocketcall, 7, 368},
                                     Multiplexed{__PNR_socketpair, kSocketcall, 8, 360},
                                     Multiplexed{__PNR_send, kSocketcall, 9, 0},
                                     Multiplexed{__PNR_recv, kSocketcall, 10, 0},
                                     Multiplexed{__PNR_sendto, kSocketcall, 11, 369},
                                     Multiplexed{__PNR_recvfrom, kSocketcall, 12, 371},
                                     Multiplexed{__PNR_shutdown, kSocketcall, 13, 373},
                                     Multiplexed{__PNR_setsockopt, kSocketcall, 14, 366},
                                     Multiplexed{__PNR_getsockopt, kSocketcall, 15, 365},
                                     Multiplexed{__PNR_sendmsg, kSocketcall, 16, 370},
                                     Multiplexed{__PNR_recvmsg, kSocketcall, 17, 372},
                                     Multiplexed{__PNR_accept4, kSocketcall, 18, 364},
                                     Multiplexed{__PNR_recvmmsg, kSocketcall, 19, 337},
                                     Multiplexed{__PNR_sendmmsg, kSocketcall, 20, 345},
                                     Multiplexed{__PNR_semop, kIpc, 1, 0},
                                     Multiplexed{__PNR_semget, kIpc, 2, 393},
                                     Multiplexed{__PNR_semctl, kIpc, 3, 394},
                                     Multiplexed{__PNR_semtimedop, kIpc, 4, 0},
                                     Multiplexed{__PNR_msgsnd, kIpc, 11, 400},
                                     Multiplexed{__PNR_msgrcv, kIpc, 12, 401},
                                     Multiplexed{__PNR_msgget, kIpc, 13, 399},
                                     Multiplexed{__PNR_msgctl, kIpc, 14, 402},
                                     Multiplexed{__PNR_shmat, kIpc, 21, 397},
                                     Multiplexed{__PNR_shmdt, kIpc, 22, 398},
                                     Multiplexed{__PNR_shmget, kIpc, 23, 395},
                                     Multiplexed{__PNR_shmctl, kIpc, 24, 396}};

struct Entry {
    std::uint32_t number;
    Alternative alternative;
};

void add_multiplexed(std::vector<Entry>& entries, int pseudo_number, Alternative alternative) {
    const auto* known = std::ranges::find(kMultiplexed, pseudo_number, &Multiplexed::pseudo_number);
    if (known == kMultiplexed.end()) return;
    if (known->direct != 0) entries.push_back({known->direct, alternative});
    // What the rule asks of the first argument is lost there, as with libseccomp: the kernel hands a pointer on.
    auto& conditions = alternative.conditions;
    std::erase_if(conditions, [](const Condition& condition) { return condition.argument == 0; });
    conditions.insert(conditions.begin(), {0, SCMP_CMP_EQ, 0xffffffff, known->first_argument});
    entries.push_back({known->by, std::move(alternative)});
}

std::vector<Entry> entries_of(const std::vector<Rule>& rules, const Numbers& numbers, std::uint32_t token) {
    const auto width = argument_width(token);
    std::vector<Entry> entries;
    entries.reserve(rules.size());
    for (const auto& rule : rules) {
        const int number = numbers.of(rule.rule_index, rule.name_index);
        Alternative alternative{conditions_for(width, rule.conditions), rule.action, &rule};
        if (number >= 0)
            entries.push_back({static_cast<std::uint32_t>(number), std::move(alternative)});
        else if (token == SCMP_ARCH_X86)
            add_multiplexed(entries, number, std::move(alternative));
    }
    std::ranges::stable_sort(entries, {}, &Entry::number);
    return entries;
}

/// The first rule without conditions outdoes all others.
void settle(Call& call) {
    const auto always =
        std::ranges::find_if(call.alternatives, [](const Alternative& one) { return one.conditions.empty(); });
    if (always != call.alternatives.end()) call.alternatives = {std::move(*always)};
}
}  // namespace

std::vector<Call> calls_of(const std::vector<Rule>& rules, const Numbers& numbers, std::uint32_t token) {
    std::vector<Call> calls;
    for (auto& entry : entries_of(rules, numbers, token)) {
        if (calls.empty() || calls.back().number != entry.number) calls.push_back({entry.number, {}});
        calls.back().alternatives.push_back(std::move(entry.alternative));
    }
    std::ranges::for_each(calls, settle);
    return calls;
}

bool is_unambiguous(const Call& call) {
    const auto& all = call.alternatives;
    for (auto one = all.begin(); one != all.end(); ++one)
        for (auto other = std::next(one); other != all.end(); ++other)
            if (one->action != other->action && !exclude_each_other(one->conditions, other->conditions)) return false;
    return true;
}

bool knows_multiplexing(std::uint32_t token) {
    return token == SCMP_ARCH_X86 || ::seccomp_syscall_resolve_name_arch(token, "socket") >= 0;
}

}  // namespace arca::seccomp
