#include "criu/session.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "../support/temporary_directory.hpp"

namespace arca::criu {
namespace {

class CriuSession : public testing::Test {
  protected:
    std::string program(const std::string& script) {
        const auto path = directory.path() + "/criu";
        std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
        ::chmod(path.c_str(), 0755);
        return path;
    }
    test::TemporaryDirectory directory;
};

TEST_F(CriuSession, FindsTheProgramInPath) {
    const auto path = program("true");
    EXPECT_EQ(find_program({"PATH=/nowhere:" + directory.path()}).value(), path);
}

TEST_F(CriuSession, NamesThePackageWhereThereIsNone) {
    const auto found = find_program({"PATH=/nowhere:relative"});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Code::Unsupported);
    EXPECT_NE(found.error().message().find("Debian's package is called criu"), std::string::npos)
        << found.error().message();
}

TEST_F(CriuSession, AProgramThatDiesIsNoAnswer) {
    auto session = Session::start({.program = program("exit 3")});
    ASSERT_TRUE(session);
    const auto answer = session->version();
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message().find("exited with status 3"), std::string::npos) << answer.error().message();
}

TEST_F(CriuSession, TellsWhyItWasNotExecuted) {
    auto session = Session::start({.program = "/nowhere/criu"});
    ASSERT_TRUE(session);
    const auto answer = session->version();
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message().find("execve(/nowhere/criu)"), std::string::npos) << answer.error().message();
}

TEST_F(CriuSession, WhatComesBeforeMayFail) {
    const auto session = Session::start({.program = program("true"), .before_execve = []() -> Result<> {
                                             return fail(Code::System, "the roof is on fire");
                                         }});
    ASSERT_FALSE(session);
    EXPECT_NE(session.error().message().find("the roof is on fire"), std::string::npos) << session.error().message();
}

}  // namespace
}  // namespace arca::criu
