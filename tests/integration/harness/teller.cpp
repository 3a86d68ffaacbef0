#include "teller.hpp"

namespace integration {

void record_teller(Container& container, const std::function<void()>& before_start) {
    const char* told = "create";
    Output output = container.create();
    if (output.ok()) {
        before_start();
        told = "start";
        output = container.start();
    }
    if (output.ok()) told = "";
    testing::Test::RecordProperty("told", told);
    testing::Test::RecordProperty("message", output.err);
    container.remove({"--force"});
}

}  // namespace integration
