#include "sys/courier.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
constexpr std::size_t kStackSize = 64U << 10U;

enum State : int { Waiting, Sending, Done, Gone };
}  // namespace

struct Courier::Errand {
    int socket = -1;
    std::vector<std::byte> message;
    std::atomic<int> state = Waiting;
    int descriptor = -1;
    int errnum = 0;
    iovec part{};
    msghdr header{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    alignas(16) std::array<std::byte, kStackSize> stack;

    void prepare() {
        part = {message.data(), message.size()};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        auto* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
    }

    // The C library's memory of a thread (errno) is the first thread's: nothing is called here but the kernel, and what
    // fails is said before the first thread is let go.
    void run() noexcept {
        while (state.load(std::memory_order_acquire) == Waiting)
            ::syscall(SYS_sched_yield);
        if (state.load(std::memory_order_acquire) == Sending) {
            std::memcpy(control.data() + CMSG_LEN(0), &descriptor, sizeof descriptor);
            if (::syscall(SYS_sendmsg, socket, &header, MSG_NOSIGNAL) < 0) errnum = errno;
            // ORDER: before the first thread goes on: if it held the listener itself, the kernel would not notice that
            // the agent has died, and a call that waits for the agent's answer would wait for ever.
            ::syscall(SYS_close, descriptor);
            state.store(Done, std::memory_order_release);
        }
    }
};

Courier::Courier(std::unique_ptr<Errand> errand) : errand_(std::move(errand)) {}

Courier::Courier(Courier&&) noexcept = default;

// Ends in execve or _exit with the whole process; the thread may still stand on this memory.
Courier::~Courier() {
    if (errand_) dismiss();
    (void)errand_.release();
}

Result<Courier> Courier::set_out(const Channel& channel, std::vector<std::byte> message) {
    auto errand = std::make_unique<Errand>();
    errand->socket = channel.fd().number();
    errand->message = std::move(message);
    errand->prepare();
    constexpr int kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    const auto main = [](void* argument) -> int {
        static_cast<Errand*>(argument)->run();
        ::syscall(SYS_exit, 0);
        return 0;
    };
    if (::clone(main, errand->stack.data() + errand->stack.size(), kThread, errand.get()) < 0)
        return last_error("clone(CLONE_THREAD)");
    return Courier(std::move(errand));
}

int Courier::deliver(int descriptor) noexcept {
    errand_->descriptor = descriptor;
    errand_->state.store(Sending, std::memory_order_release);
    while (errand_->state.load(std::memory_order_acquire) == Sending) {
    }
    return errand_->errnum;
}

void Courier::dismiss() noexcept {
    int waiting = Waiting;
    errand_->state.compare_exchange_strong(waiting, Gone, std::memory_order_release);
}

}  // namespace arca::sys
