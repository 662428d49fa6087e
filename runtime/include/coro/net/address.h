// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace coro::net {

// Address is that of one end of a connection: IPv4 or IPv6 and a port, or the path
// of a Unix-domain socket. A value: cheap to copy, compares by what it says.
class Address {
 public:
  // None: what an unbound Unix-domain socket has.
  Address() noexcept = default;

  // From a numeric IPv4 or IPv6 address ("127.0.0.1", "::1", "fe80::1%eth0").
  // Throws std::system_error (EINVAL) for anything else, names included; see
  // resolve().
  static Address ip(const std::string& host, std::uint16_t port);
  static Address ip(const std::string& host, std::uint16_t port, std::error_code& error);

  // From a path of at most 107 bytes. One that begins with '@' is a name in the
  // abstract namespace: no file. Throws std::system_error (ENAMETOOLONG, EINVAL).
  static Address unix_path(const std::string& path);
  static Address unix_path(const std::string& path, std::error_code& error);

  // From what the kernel filled in.
  static Address from_system(const sockaddr_storage& storage, socklen_t size) noexcept;

  [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }  // AF_UNSPEC: none

  // "127.0.0.1", "fe80::1%2" or the path.
  [[nodiscard]] std::string host() const;
  // 0 for a path.
  [[nodiscard]] std::uint16_t port() const noexcept;
  // "127.0.0.1:80", "[::1]:80" or the path.
  [[nodiscard]] std::string to_string() const;

  // For system calls.
  [[nodiscard]] const sockaddr* data() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

  friend bool operator==(const Address& a, const Address& b) noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// The addresses of a host, by name or numeric, in the order in which they are to
// be tried; not empty. Looks the name up by getaddrinfo in coro::blocking, which
// no deadline interrupts. Errors are of resolve_category() or errno values.
std::vector<Address> resolve(const std::string& host, std::uint16_t port);
std::vector<Address> resolve(const std::string& host, std::uint16_t port, std::error_code& error);

// The EAI_ values of getaddrinfo.
const std::error_category& resolve_category() noexcept;

}  // namespace coro::net
