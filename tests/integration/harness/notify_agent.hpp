// An agent that answers the notifications of seccomp filters, as a thread of the tests: calls of one system call fail
// with EPROTO, all others go on.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace integration {

class NotifyAgent {
  public:
    /// Listens; `failing` is the number of the system call that fails.
    NotifyAgent(const std::filesystem::path& socket, int failing);
    /// An agent that takes the first listener, waits for a call, and dies without an answer.
    static std::unique_ptr<NotifyAgent> that_dies(const std::filesystem::path& socket);
    ~NotifyAgent();
    NotifyAgent(const NotifyAgent&) = delete;
    NotifyAgent& operator=(const NotifyAgent&) = delete;

    /// What came with the listener of the last process.
    nlohmann::json process() const;
    int introductions() const { return introductions_; }
    int answers() const { return answers_; }

  private:
    void serve();
    void accept_listener(int connection);
    void answer(int listener);
    void die();

    int socket_ = -1;
    int failing_;
    std::atomic<bool> dies_ = false;
    std::string text_;
    std::atomic<int> introductions_ = 0;
    std::atomic<int> answers_ = 0;
    std::atomic<bool> done_ = false;
    std::vector<int> listeners_;
    std::thread thread_;
};

}  // namespace integration
