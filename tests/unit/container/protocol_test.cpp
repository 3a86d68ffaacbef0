#include "container/launch/protocol.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace arca::container::launch {
namespace {

TEST(Protocol, FailureCrossesTheBorderWhole) {
    auto error = Error(Code::ExecNotFound, "exec \"/x\"", ENOENT)
                     .in(Step::Exec)
                     .at("/process/args/0")
                     .hinting("the interpreter is missing")
                     .with("inner frame")
                     .with("outer frame");
    auto message = decode(encode_failure(error, Role::Init));
    ASSERT_TRUE(message) << message.error().message();
    ASSERT_TRUE(message->error);
    EXPECT_EQ(message->error->code(), Code::ExecNotFound);
    EXPECT_EQ(message->error->errnum(), ENOENT);
    EXPECT_EQ(message->error->step(), Step::Exec);
    EXPECT_EQ(message->error->pointer(), "/process/args/0");
    EXPECT_EQ(message->error->hint(), "the interpreter is missing");
    EXPECT_EQ(message->error->message(), error.message());
}

TEST(Protocol, ALongTextIsCutAndMarked) {
    Error error(Code::System, std::string(3 * sys::Channel::kMaximalMessage, 'x'));
    auto bytes = encode_failure(error, Role::Init);
    EXPECT_LE(bytes.size(), sys::Channel::kMaximalMessage);
    auto message = decode(bytes);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->error->what().ends_with("..."));
}

TEST(Protocol, ALongTextDoesNotPushOutWhatItIsAbout) {
    auto error =
        Error(Code::HookFailed, std::string(sys::Channel::kMaximalMessage, 'x')).at("/hooks/prestart/0").with("a hook");
    auto message = decode(encode_failure(error, Role::Init));
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->error->message().starts_with("a hook: /hooks/prestart/0: xxx")) << message->error->message();
    EXPECT_TRUE(message->error->message().ends_with("xxx..."));
}

TEST(Protocol, ControlCharactersDoNotReachATerminal) {
    auto message = decode(encode_failure(Error(Code::System, "bad \x1b[31m name"), Role::Init));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->error->what().find('\x1b'), std::string::npos);
}

TEST(Protocol, NorDoThoseOfAPeerThatLeavesThemIn) {
    auto bytes = encode(Kind::Warning);
    for (char c : std::string_view("bad \x1b[31m name"))
        bytes.push_back(static_cast<std::byte>(c));
    auto message = decode(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->text.find('\x1b'), std::string::npos);
}

TEST(Protocol, RubbishIsRefused) {
    EXPECT_FALSE(decode({}));
    std::vector<std::byte> bytes(64, std::byte{0xff});
    EXPECT_FALSE(decode(bytes));
    // A code and a step from nowhere must not become enum values from nowhere.
    bytes = encode_failure(Error(Code::System, "x"), Role::Init);
    bytes[4] = bytes[5] = bytes[6] = bytes[7] = std::byte{0xee};
    auto message = decode(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->error->code(), Code::Internal);
    EXPECT_LT(static_cast<int>(message->error->step()), kStepCount);
}

TEST(Protocol, ExpectationIsInOrderAndFailedMayAlwaysCome) {
    Expectation expected({Kind::InitIs, Kind::MountsReady, Kind::Ready});
    EXPECT_TRUE(expected.accept(Kind::InitIs));
    EXPECT_TRUE(expected.accept(Kind::Failed));
    EXPECT_FALSE(expected.accept(Kind::Ready));
    EXPECT_TRUE(expected.accept(Kind::MountsReady));
    EXPECT_FALSE(expected.complete());
    EXPECT_TRUE(expected.accept(Kind::Ready));
    EXPECT_TRUE(expected.complete());
    auto surplus = expected.accept(Kind::Ready);
    ASSERT_FALSE(surplus);
    EXPECT_EQ(surplus.error().code(), Code::Internal);
}

TEST(Protocol, MessagesAndDescriptorsOverAChannel) {
    auto ends = sys::Channel::pair();
    ASSERT_TRUE(ends);
    auto& [left, right] = *ends;
    const std::array descriptors = {sys::FdRef(0)};
    ASSERT_TRUE(send(left, Kind::InitIs, 4711, {}, descriptors));
    auto message = receive(right);
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((*message)->kind, Kind::InitIs);
    EXPECT_EQ((*message)->pid, 4711);
    EXPECT_EQ((*message)->descriptors.size(), 1U);
    left.close();
    auto end = receive(right);
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end) << "the end of the peer is told as nothing, not as a message";
}

}  // namespace
}  // namespace arca::container::launch
