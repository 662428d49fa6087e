// SPDX-License-Identifier: Apache-2.0
#include "daemon/journal.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

namespace coroscope::daemon {
namespace {

using JournalJson = nlohmann::json;

constexpr std::string_view journal_path = "/run/systemd/journal/socket";

// Entries that do not fit are lost: a verdict has a few kilobytes.
constexpr int most_entry_bytes = 1 << 20;

std::string text_of(const JournalJson& event, const char* key) {
  const auto found = event.find(key);
  if (found == event.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

int priority_of(const std::string& event) {
  if (event == "config_refused") return LOG_ERR;
  if (event == "verdict_opened" || event == "verdict_updated" || event == "lost" ||
      event == "another_daemon") {
    return LOG_WARNING;
  }
  return event == "verdict_closed" ? LOG_NOTICE : LOG_INFO;
}

// "leak in orders (process 4711): chan send, 200 coroutines"
std::string message_of(const JournalJson& event) {
  const auto text = [&event](const char* key) { return text_of(event, key); };
  const std::string name = text("event");
  const std::string process = fmt::format("{} (process {})", text("service"), text("pid"));
  if (name == "serving") return "serving on " + text("address");
  if (name == "attached") return fmt::format("watching {}: {} coroutines", process, text("live"));
  if (name == "detached") return fmt::format("no longer watching {}: {}", process, text("why"));
  if (name == "lost") return fmt::format("cannot watch process {}: {}", text("pid"), text("why"));
  if (name == "config_read") return "the config was read again";
  if (name == "config_refused") return "the config stays as it was: " + text("why");
  if (name == "another_daemon") {
    const std::string pid = text("pid");
    return fmt::format("another coroscope serves on this host ({})",
                       pid.empty() ? "where it can not be seen" : "process " + pid);
  }
  if (!name.starts_with("verdict_")) return name;
  return fmt::format("{}{} in {}: {}, {} coroutines", name == "verdict_closed" ? "over: " : "",
                     text("verdict"), process, text("reason"), text("live"));
}

// A text with more than one line has its length before it.
void add_field(std::string& entry, std::string_view name, std::string_view value) {
  entry += name;
  if (value.find('\n') == std::string_view::npos) {
    entry += '=';
  } else {
    entry += '\n';
    for (int shift = 0; shift < 64; shift += 8) {
      entry += static_cast<char>(static_cast<uint64_t>(value.size()) >> shift & 0xff);
    }
  }
  entry += value;
  entry += '\n';
}

std::string field_name(std::string_view key) {
  std::string name = "COROSCOPE_";
  for (const char one : key) {
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(one)));
  }
  return name;
}

sockaddr_un journal_address() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  journal_path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

}  // namespace

std::string journal_entry(const std::string& line) {
  const JournalJson event = JournalJson::parse(line, nullptr, false);
  std::string entry;
  if (!event.is_object()) return entry;
  add_field(entry, "MESSAGE", message_of(event));
  add_field(entry, "PRIORITY", std::to_string(priority_of(text_of(event, "event"))));
  add_field(entry, "SYSLOG_IDENTIFIER", "coroscope");
  for (const auto& [key, value] : event.items()) {
    // The journal has a time of its own; and all are events.
    if (value.is_structured() || key == "type" || key == "time") continue;
    add_field(entry, field_name(key), text_of(event, key.c_str()));
  }
  add_field(entry, "COROSCOPE_JSON",
            std::string_view(line).substr(0, line.find_last_not_of('\n') + 1));
  return entry;
}

Result<Journal> Journal::open() {
  Journal journal;
  journal.socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = journal_address();
  Fd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!journal.socket_ || !probe ||
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error{ErrorKind::usage, fmt::format("cannot write events to journald at {}: {}",
                                               journal_path, std::strerror(errno))};
  }
  ::setsockopt(journal.socket_.get(), SOL_SOCKET, SO_SNDBUF, &most_entry_bytes,
               sizeof most_entry_bytes);
  return journal;
}

// By address each time: a journald that is started again has another socket there.
bool Journal::send(const std::string& line) {
  const std::string entry = journal_entry(line);
  const sockaddr_un address = journal_address();
  const ssize_t sent = ::sendto(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return sent == static_cast<ssize_t>(entry.size());
}

}  // namespace coroscope::daemon
