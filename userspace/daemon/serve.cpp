// SPDX-License-Identifier: Apache-2.0
#include "daemon/serve.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "daemon/api.h"
#include "daemon/host.h"
#include "daemon/http_server.h"
#include "daemon/page.h"
#include "daemon/privilege.h"
#include "daemon/service.h"
#include "proc/process.h"
#include "util/clock.h"
#include "util/log.h"

namespace coroscope::daemon {
namespace {

constexpr size_t most_config_bytes = 1 << 20;
constexpr size_t most_token_bytes = 4096;

Result<std::string> read_file(const std::string& path, size_t most) {
  std::string text;
  if (!read_text_file(path, &text, most + 1)) {
    return Error{ErrorKind::usage, fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  }
  if (text.size() > most) {
    return Error{ErrorKind::usage, fmt::format("{} is larger than {} bytes", path, most)};
  }
  return text;
}

Result<std::string> read_token(const Config& config) {
  if (config.token_file.empty()) return std::string();
  auto text = read_file(config.token_file, most_token_bytes);
  if (!text) return text;
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back()))) {
    text->pop_back();
  }
  if (text->empty()) {
    return Error{ErrorKind::usage, config.token_file + " holds no token"};
  }
  return text;
}

// What tells nothing of what is watched: the page's files, and what a kubelet asks for.
bool needs_no_token(const Request& request) {
  return is_page(request) || request.path == "/healthz" || request.path == "/readyz";
}

Result<std::unique_ptr<HttpServer>> start_server(const Config& config, const std::string& token,
                                                 std::function<Response(const Request&)> answer) {
  return HttpServer::start({.host = config.host,
                            .port = config.port,
                            .token = token,
                            .is_public = needs_no_token,
                            .tls = config.tls},
                           std::move(answer));
}

enum class Signal { none, reload, end };

// Waits until `until_ns`, a signal, or the end of one of the processes.
Signal wait_for(uint64_t until_ns, const Fd& signals, const std::vector<int>& pidfds) {
  std::vector<pollfd> fds{{signals.get(), POLLIN, 0}};
  for (const int pidfd : pidfds) fds.push_back({pidfd, POLLIN, 0});
  const uint64_t now = monotonic_ns();
  const uint64_t left = until_ns > now ? until_ns - now : 0;
  const timespec timeout{static_cast<time_t>(left / 1'000'000'000),
                         static_cast<long>(left % 1'000'000'000)};
  ::ppoll(fds.data(), fds.size(), &timeout, nullptr);
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != sizeof info) return Signal::none;
  return info.ssi_signo == SIGHUP ? Signal::reload : Signal::end;
}

Result<void> read_again(const ServeSettings& settings, HttpServer& server, Host& host) {
  if (settings.config_path.empty()) {
    return Error{ErrorKind::usage, "there is no config file to read again"};
  }
  auto config = read_config(settings.config_path);
  if (!config) return config.error();
  if (auto changed = settings.override_config(*config); !changed) return changed.error();
  auto ignored = read_ignored(*config);
  if (!ignored) return ignored.error();
  if (auto certificates = server.read_certificates(); !certificates) return certificates.error();
  host.reload(std::move(*config), std::move(*ignored));
  return {};
}

}  // namespace

Result<Config> read_config(const std::string& path) {
  if (path.empty()) return Config{};
  auto text = read_file(path, most_config_bytes);
  if (!text) return text.error();
  return parse_config(*text, path);
}

Result<std::vector<IgnoreRule>> read_ignored(const Config& config) {
  if (config.ignore.empty()) return std::vector<IgnoreRule>();
  auto text = read_file(config.ignore, most_config_bytes);
  if (!text) return text.error();
  return parse_ignore_file(*text, config.ignore, day_of(unix_ns()));
}

Result<void> try_serving(const Config& config) {
  if (auto ignored = read_ignored(config); !ignored) return ignored.error();
  auto token = read_token(config);
  if (!token) return token.error();
  const auto server = start_server(config, *token, [](const Request&) { return Response{}; });
  return server ? Result<void>() : server.error();
}

Result<void> serve(const ServeSettings& settings, const Fd& signals) {
  const Config& config = settings.config;
  auto ignored = read_ignored(config);
  if (!ignored) return ignored.error();
  auto token = read_token(config);
  if (!token) return token.error();
  auto events = EventLog::open(config.events);
  if (!events) return events.error();
  if (auto dropped = drop_privileges(); !dropped) return dropped.error();
  Published published;
  Api api(published, config.interval_ns, config.history);
  auto server =
      start_server(config, *token, [&api](const Request& request) { return api.answer(request); });
  if (!server) return server.error();
  const bool six = config.host.find(':') != std::string::npos;
  const std::string address =
      fmt::format("{}{}{}:{}", six ? "[" : "", config.host, six ? "]" : "", (*server)->port());
  events->write(serving_line(address, unix_ns()));
  OneOnHost one;
  if (const auto other = one.take()) {
    events->write(another_line(*other, unix_ns()));
    const std::string who =
        *other == 0 ? "where it can not be seen" : fmt::format("process {}", *other);
    log_warn("another coroscope serves on this host ({}): both watch, and cost", who);
  }
  log_info("serving on http{}://{}", config.tls.certificate.empty() ? "" : "s", address);

  Host host(config, std::move(*ignored), std::move(*events), published);
  ServiceManager manager;
  manager.tell("READY=1");
  for (;;) {
    host.step();
    manager.alive(monotonic_ns());
    const uint64_t until = std::min(host.next_ns(), manager.next_ns());
    const Signal signal = wait_for(until, signals, host.pidfds());
    if (signal == Signal::end) break;
    one.take();  // once the other one has ended
    if (signal != Signal::reload) continue;
    if (auto read = read_again(settings, **server, host); !read) host.refuse(read.error().message);
  }
  manager.tell("STOPPING=1");
  api.end();
  host.let_all_go("the daemon ends");
  return {};
}

}  // namespace coroscope::daemon
