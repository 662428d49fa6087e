// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "coro/net/address.h"
#include "net_support.h"

namespace coro::net {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

template <class Sockaddr>
Sockaddr& as(sockaddr_storage& storage) noexcept {
  return reinterpret_cast<Sockaddr&>(storage);
}
template <class Sockaddr>
const Sockaddr& as(const sockaddr_storage& storage) noexcept {
  return reinterpret_cast<const Sockaddr&>(storage);
}

// The scope of a link-local address: an interface's name or number. 0: none such.
std::uint32_t parse_scope(const std::string& text) noexcept {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [last, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc() && last == end ? number : if_nametoindex(text.c_str());
}

bool parse_v6(const std::string& text, std::uint16_t port, sockaddr_in6& address) noexcept {
  const std::size_t percent = text.find('%');
  if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &address.sin6_addr) != 1) return false;
  if (percent != std::string::npos) {
    address.sin6_scope_id = parse_scope(text.substr(percent + 1));
    if (address.sin6_scope_id == 0) return false;
  }
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  return true;
}

}  // namespace

Address Address::ip(const std::string& host, std::uint16_t port, std::error_code& error) {
  error.clear();
  Address result;
  if (host.find('\0') != std::string::npos) {
    error = detail::io_error(EINVAL);
    return {};
  }
  auto& v4 = as<sockaddr_in>(result.storage_);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    result.size_ = sizeof v4;
    return result;
  }
  if (parse_v6(host, port, as<sockaddr_in6>(result.storage_))) {
    result.size_ = sizeof(sockaddr_in6);
    return result;
  }
  error = detail::io_error(EINVAL);
  return {};
}

Address Address::ip(const std::string& host, std::uint16_t port) {
  std::error_code error;
  const Address result = ip(host, port, error);
  if (error) throw std::system_error(error, "coro: not a numeric address: " + host);
  return result;
}

// An abstract name begins with a NUL and has none at its end.
Address Address::unix_path(const std::string& path, std::error_code& error) {
  error.clear();
  Address result;
  auto& local = as<sockaddr_un>(result.storage_);
  const bool fits = path.size() < sizeof local.sun_path;
  if (path.empty() || !fits || path.find('\0') != std::string::npos) {
    error = detail::io_error(fits ? EINVAL : ENAMETOOLONG);
    return {};
  }
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  const bool abstract = path.front() == '@';
  if (abstract) local.sun_path[0] = '\0';
  result.size_ = static_cast<socklen_t>(path_offset + path.size() + (abstract ? 0 : 1));
  return result;
}

Address Address::unix_path(const std::string& path) {
  std::error_code error;
  const Address result = unix_path(path, error);
  if (error) throw std::system_error(error, "coro: not the path of a socket: " + path);
  return result;
}

Address Address::from_system(const sockaddr_storage& storage, socklen_t size) noexcept {
  Address result;
  result.size_ = std::min<socklen_t>(size, sizeof storage);
  std::memcpy(&result.storage_, &storage, result.size_);
  return result;
}

std::string Address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &as<sockaddr_in>(storage_).sin_addr, text.data(), text.size());
    return text.data();
  }
  if (family() == AF_INET6) {
    const auto& v6 = as<sockaddr_in6>(storage_);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    std::string result = text.data();
    if (v6.sin6_scope_id != 0) result += "%" + std::to_string(v6.sin6_scope_id);
    return result;
  }
  if (!is_unix() || size_ <= path_offset) return {};
  const char* path = as<sockaddr_un>(storage_).sun_path;
  const std::size_t length = size_ - path_offset;
  if (path[0] == '\0') return "@" + std::string(path + 1, length - 1);
  return {path, strnlen(path, length)};
}

std::uint16_t Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(storage_).sin6_port);
  return 0;
}

std::string Address::to_string() const {
  if (family() == AF_INET) return host() + ":" + std::to_string(port());
  if (family() == AF_INET6) return "[" + host() + "]:" + std::to_string(port());
  return host();
}

bool operator==(const Address& a, const Address& b) noexcept {
  if (a.family() != b.family()) return false;
  if (a.family() == AF_INET || a.family() == AF_INET6) {
    // Not sin_zero, nor the flow.
    return a.port() == b.port() && a.host() == b.host();
  }
  return a.size_ == b.size_ && std::memcmp(&a.storage_, &b.storage_, a.size_) == 0;
}

}  // namespace coro::net
