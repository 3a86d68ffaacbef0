// rtnetlink(7), as much of it as moving a network device takes: requests of attributes, answers of attributes.
#pragma once

#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

/// A message to the kernel: the fixed part of its type, then attributes.
class NetlinkRequest {
  public:
    /// `flags` beside NLM_F_REQUEST, for instance NLM_F_DUMP.
    template<class Fixed>
    NetlinkRequest(std::uint16_t type, std::uint16_t flags, const Fixed& fixed)
        : NetlinkRequest(type, flags, std::as_bytes(std::span(&fixed, 1))) {}

    void attribute(std::uint16_t type, std::span<const std::byte> value);
    void attribute(std::uint16_t type, std::uint32_t value);
    void attribute(std::uint16_t type, const std::string& value);  ///< with its NUL
    std::span<std::byte> bytes() { return bytes_; }

  private:
    NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> fixed);
    void append(const void* data, std::size_t size);
    std::vector<std::byte> bytes_;
};

/// One object that the kernel told of.
struct NetlinkObject {
    std::vector<std::byte> fixed;
    std::map<std::uint16_t, std::vector<std::byte>> attributes;

    /// The fixed part, zero where the kernel sent less.
    template<class Fixed>
    Fixed head() const {
        Fixed out{};
        copy_to(std::as_writable_bytes(std::span(&out, 1)));
        return out;
    }
    std::string text(std::uint16_t type) const;  ///< empty without the attribute
    std::uint32_t number(std::uint16_t type, std::uint32_t otherwise) const;

  private:
    void copy_to(std::span<std::byte> out) const;
};

/// What one datagram of the kernel holds.
struct NetlinkAnswer {
    std::vector<NetlinkObject> objects;
    bool is_complete = false;  ///< no more will come
};
/// `fixed_size` is the size of the fixed part of each object. Fails where the kernel has refused; `what` names the
/// request.
Result<NetlinkAnswer> parse_netlink(std::span<const std::byte> datagram, std::size_t fixed_size,
                                    const std::string& what);

class NetlinkSocket {
  public:
    /// Of the network namespace that the caller is in; it stays with it.
    static Result<NetlinkSocket> open();
    /// Of another one, which is entered for a moment.
    static Result<NetlinkSocket> open_in(FdRef network_namespace);

    /// Sends, and waits for the kernel's verdict. `what` names the request in the error.
    Result<> carry_out(NetlinkRequest request, const std::string& what) const;
    /// All objects of the answer; `fixed_size` is the size of the fixed part of each.
    Result<std::vector<NetlinkObject>> query(NetlinkRequest request, std::size_t fixed_size,
                                             const std::string& what) const;

  private:
    explicit NetlinkSocket(Fd socket) : socket_(std::move(socket)) {}
    Result<std::vector<NetlinkObject>> exchange(NetlinkRequest& request, std::size_t fixed_size,
                                                const std::string& what) const;
    Fd socket_;
};

}  // namespace arca::sys
