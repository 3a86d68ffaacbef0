#include "criu/session.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::criu {

namespace {
constexpr std::string_view kUsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Field 0 does not exist, so no message of CRIU begins with this: what follows is why it was never executed.
constexpr char kNotExecuted = '\0';

std::span<const std::byte> bytes_of(std::string_view message) {
    return std::as_bytes(std::span(message.data(), message.size()));
}

std::string_view path_of(const std::vector<std::string>& environment) {
    for (const auto& entry : environment)
        if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
    return kUsualPath;
}

std::string search(std::string_view path) {
    for (auto directory : text::split(path, ':')) {
        if (!directory.starts_with('/')) continue;  // the working directory is no place for privileged programs
        auto candidate = text::cat(directory, "/criu");
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

Result<> execute(const Launch& launch, const sys::Channel& channel) {
    TRY(sys::close_on_exec_from(STDERR_FILENO + 1));
    TRY(sys::keep_over_exec(channel.fd()));
    for (const auto& descriptor : launch.inherited)
        TRY(sys::keep_over_exec(descriptor));
    const std::vector<std::string> arguments = {launch.program, "swrk", text::cat(channel.fd().number())};
    const auto argv = sys::null_terminated(arguments);
    const auto envp = sys::null_terminated(launch.environment);
    ::execve(launch.program.c_str(), argv.data(), envp.data());
    return sys::last_error(text::cat("execve(", launch.program, ")"));
}

void tell_failure(const sys::Channel& channel, const Error& error) {
    const auto text = kNotExecuted + error.message();
    (void)channel.send(bytes_of(std::string_view(text).substr(0, sys::Channel::kMaximalMessage)));
}

// CRIU opens directories as /proc/PID/fd/N of the process that made the socket (unix(7), SO_PEERCRED), and mounts in
// them. They have to be of its own mount namespace, which may not be the parent's: so the socket is made here.
Result<sys::Channel> make_socket(const Launch& launch, const sys::Channel& parent) {
    sys::reset_signals();
    // ORDER: before the socket is sent, which tells whether the caller is still there.
    if (launch.orphan == Orphan::Dies && ::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return sys::last_error("prctl(PR_SET_PDEATHSIG)");
    if (launch.before_execve) TRY(launch.before_execve());
    auto [theirs, mine] = TRY(sys::Channel::pair());
    const std::array descriptors = {theirs.fd()};
    TRY(parent.send(bytes_of("socket"), descriptors));
    return std::move(mine);
}

[[noreturn]] void become_criu(const Launch& launch, const sys::Channel& parent) noexcept {
    auto socket = make_socket(launch, parent);
    if (!socket) {
        tell_failure(parent, socket.error());
    } else if (auto executed = execute(launch, *socket); !executed) {
        tell_failure(*socket, executed.error());
    }
    ::_exit(127);
}

Result<sys::Channel> take_socket(const sys::Channel& child) {
    std::array<std::byte, sys::Channel::kMaximalMessage> buffer;
    auto received = TRY(child.receive(buffer));
    if (!received.descriptors.empty()) return sys::Channel(std::move(received.descriptors.front()));
    const std::string_view message(reinterpret_cast<const char*>(buffer.data()), received.size);
    return fail(Code::System,
                message.empty() ? "the process that should execute CRIU ended" : std::string(message.substr(1)));
}
}  // namespace

Result<std::string> find_program(const std::vector<std::string>& environment) {
    auto found = search(path_of(environment));
    if (!found.empty()) return found;
    return fail(Error(Code::Unsupported, "checkpoints are made by CRIU, which is not installed")
                    .hinting("there is no criu in PATH; Debian's package is called criu"));
}

Result<Session> Session::start(const Launch& launch) {
    auto [mine, theirs] = TRY(sys::Channel::pair());
    auto cloned = TRY(sys::clone3({0, launch.birthplace}));
    if (cloned.is_child) become_criu(launch, theirs);
    theirs.close();
    auto socket = TRY(take_socket(mine));
    return Session(std::move(socket), std::move(cloned.child));
}

Result<> Session::send(std::string_view message) const {
    ssize_t sent;
    do
        sent = ::send(channel_.fd().number(), message.data(), message.size(), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    // EPIPE: CRIU is gone; what it has said last is read next.
    if (sent < 0 && errno != EPIPE) return sys::last_error("speaking to CRIU");
    return {};
}

Result<Session::Received> Session::receive() {
    std::array<std::byte, 65536> buffer;
    auto received = TRY_CTX(channel_.receive(buffer), "listening to CRIU");
    const std::string_view message(reinterpret_cast<const char*>(buffer.data()), received.size);
    if (message.empty()) {
        auto status = TRY(process_.wait());
        return fail(Code::System, text::cat("CRIU ", status.describe(), " without an answer"));
    }
    if (message[0] == kNotExecuted) return fail(Code::System, std::string(message.substr(1)));
    Received result{TRY(decode(message)), {}};
    if (!received.descriptors.empty()) result.descriptor = std::move(received.descriptors.front());
    return result;
}

Result<Response> Session::question(Call call) {
    TRY(send(encode_question(call)));
    auto received = TRY(receive());
    if (!received.response.success)
        return fail(Code::Unsupported, text::cat("CRIU does not answer: ", received.response.message));
    return std::move(received.response);
}

Result<Version> Session::version() {
    return TRY(question(Call::Version)).version.value_or(Version{});
}

Result<Features> Session::features() {
    return TRY(question(Call::FeatureCheck)).features.value_or(Features{});
}

Result<Response> Session::carry_out(Call call, const Options& options, const Listener& listener) {
    TRY(send(encode_operation(call, options)));
    Result<> heard;
    for (;;) {
        auto received = TRY(receive());
        if (received.response.call != Call::Notify) {
            if (!heard) return fail(std::move(heard.error()));
            return std::move(received.response);
        }
        if (heard && received.response.notification)
            heard = listener(*received.response.notification, std::move(received.descriptor));
        TRY(send(encode_answer(heard ? Verdict::GoOn : Verdict::Abort)));
    }
}

Result<> Session::finish() {
    channel_.close();
    (void)TRY(process_.wait());
    return {};
}

}  // namespace arca::criu
