#include <gtest/gtest.h>

#include <csignal>

#include "arca/container.hpp"

namespace arca {
namespace {

TEST(Signals, ByNameInAnyForm) {
    for (const char* term : {"TERM", "term", "SIGTERM", "sigterm", "15"})
        EXPECT_EQ(parse_signal(term).value(), SIGTERM);
    EXPECT_EQ(parse_signal("KILL").value(), SIGKILL);
    EXPECT_EQ(parse_signal("USR1").value(), SIGUSR1);
    EXPECT_EQ(parse_signal("WINCH").value(), SIGWINCH);
    EXPECT_EQ(parse_signal("0").value(), 0);
}

TEST(Signals, RealTimeOnes) {
    EXPECT_EQ(parse_signal("RTMIN").value(), SIGRTMIN);
    EXPECT_EQ(parse_signal("SIGRTMIN+3").value(), SIGRTMIN + 3);
    EXPECT_EQ(parse_signal("RTMAX-1").value(), SIGRTMAX - 1);
    EXPECT_EQ(parse_signal("64").value(), 64);
}

TEST(Signals, EverythingElseIsRefused) {
    for (const char* bad :
         {"", "NONE", "-1", "65", "99999999999", "RTMIN+99", "RTMIN-1", "RTMAX+1", "RTMIN3", "SIG", "1x"})
        EXPECT_FALSE(parse_signal(bad)) << bad;
}

}  // namespace
}  // namespace arca
