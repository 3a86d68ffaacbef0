#include "criu/log.hpp"

#include <gtest/gtest.h>

namespace arca::criu {
namespace {

TEST(Log, TheFirstErrorWithoutItsStamp) {
    EXPECT_EQ(first_error("(00.000001) Version: 4.1\n"
                          "(00.187499) Error (criu/files-reg.c:1790): Can't lookup mount=23 for fd=0 path=/dev/null\n"
                          "(00.188908) Error (criu/cr-dump.c:2111): Dumping FAILED.\n"),
              "Error (criu/files-reg.c:1790): Can't lookup mount=23 for fd=0 path=/dev/null");
}

TEST(Log, WhereARestoredProcessTellsIt) {
    EXPECT_EQ(first_error("(00.370531)      1: Error (criu/mount.c:1): mnt: No mount point\n"),
              "Error (criu/mount.c:1): mnt: No mount point");
}

TEST(Log, WithoutErrorsThereIsNone) {
    EXPECT_EQ(first_error("(00.1) Warn  (criu/a.c:1): something\n(00.2) Dumping finished successfully\n"), "");
    EXPECT_EQ(first_error(""), "");
}

TEST(Log, WhatCriuGoesOnAfterIsPassedOver) {
    EXPECT_EQ(first_error("(0.1) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Not permitted\n"
                          "(0.2) Error (criu/util.c:656): exited, status=1\n"
                          "(0.3) Error (criu/sk-inet.c:1): inet: Connected TCP socket\n"),
              "Error (criu/sk-inet.c:1): inet: Connected TCP socket");
}

// Asked for its version, iptables may be missing; to lock the network it may not.
TEST(Log, AMissingProgramCountsWhenItWasNeeded) {
    const std::string asked =
        "Error (criu/util.c:641): execvp(\"iptables-save\", ...) failed: No such file or directory\n"
        "(0.5) Error (criu/util.c:1722): iptables-save -V failed\n";
    const std::string needed =
        "Error (criu/util.c:641): execvp(\"iptables-restore\", ...) failed: No such file or directory\n"
        "(0.6) Error (criu/util.c:656): exited, status=1\n"
        "(0.7) Error (criu/net.c:3282): net: Locking network failed\n";
    EXPECT_EQ(first_error(asked), "");
    EXPECT_EQ(first_error(asked + needed),
              "Error (criu/util.c:641): execvp(\"iptables-restore\", ...) failed: No such file or directory");
}

}  // namespace
}  // namespace arca::criu
