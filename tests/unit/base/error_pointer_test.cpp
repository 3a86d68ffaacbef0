#include <gtest/gtest.h>

#include "arca/error.hpp"

namespace arca {
namespace {

TEST(ErrorPointer, IsToldOnce) {
    EXPECT_EQ(Error(Code::InvalidConfig, "bad").at("/mounts/1").message(), "/mounts/1: bad");
    EXPECT_EQ(Error(Code::InvalidConfig, "bad").at("/mounts/1").with("mounting x (/mounts/1)").message(),
              "mounting x (/mounts/1): bad");
}

TEST(ErrorPointer, IsNotTakenForALongerOne) {
    EXPECT_EQ(Error(Code::InvalidConfig, "did you mean /hostname?").at("/hostnam").message(),
              "/hostnam: did you mean /hostname?");
    EXPECT_EQ(Error(Code::InvalidConfig, "bad").at("/mounts/1").with("mounting x (/mounts/12)").message(),
              "mounting x (/mounts/12): /mounts/1: bad");
}

}  // namespace
}  // namespace arca
