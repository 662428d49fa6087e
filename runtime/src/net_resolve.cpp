// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "coro/blocking.h"
#include "coro/net/address.h"
#include "net_support.h"

namespace coro::net {
namespace {

class ResolveCategory : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "coro.resolve"; }
  [[nodiscard]] std::string message(int value) const override { return gai_strerror(value); }
};

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

std::vector<Address> look_up(const std::string& host, std::uint16_t port, std::error_code& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // else each address comes once for each type
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int result = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (result != 0) {
    error = result == EAI_SYSTEM ? detail::io_error(errno)
                                 : std::error_code(result, resolve_category());
    return {};
  }
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  std::vector<Address> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof storage));
    addresses.push_back(Address::from_system(storage, entry->ai_addrlen));
  }
  return addresses;
}

}  // namespace

const std::error_category& resolve_category() noexcept {
  static const ResolveCategory category;
  return category;
}

std::vector<Address> resolve(const std::string& host, std::uint16_t port, std::error_code& error) {
  const Address numeric = Address::ip(host, port, error);
  if (!error) return {numeric};
  if (host.empty() || host.find('\0') != std::string::npos) return {};
  error.clear();
  return blocking([&] { return look_up(host, port, error); });
}

std::vector<Address> resolve(const std::string& host, std::uint16_t port) {
  std::error_code error;
  std::vector<Address> addresses = resolve(host, port, error);
  if (error) throw std::system_error(error, "coro: resolve " + host);
  return addresses;
}

}  // namespace coro::net
