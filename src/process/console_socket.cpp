// The console socket of terminal.hpp: how an engine gets the controller.
#include "process/terminal.hpp"
#include "sys/unix_socket.hpp"

namespace arca::process {

Result<sys::Fd> connect_console_socket(const std::string& path) {
    return TRY_CTX(sys::connect_unix(path), "console socket");
}

Result<> send_controller(sys::FdRef console_socket, sys::FdRef controller, const std::string& name) {
    TRY_CTX(sys::send_with_descriptor(console_socket, name, controller), "console socket");
    return {};
}

}  // namespace arca::process
