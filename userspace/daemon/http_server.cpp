// SPDX-License-Identifier: Apache-2.0
#include "daemon/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/plain_server.h"
#include "daemon/tls.h"
#include "proc/process.h"

namespace coroscope::daemon {
namespace {

constexpr size_t threads = 4;
constexpr size_t threads_with_tls = 16;  // a handshake may take a few seconds (see Tls)
constexpr size_t most_waiting = 16;      // connections; further ones wait in the kernel
constexpr int most_pending = 128;        // there
constexpr time_t patience_s = 5;         // with a client that sends or reads nothing
constexpr time_t keep_alive_s = 5;
// Of one connection: one that stays for the next request holds a thread meanwhile, and a page
// that is open asks every other second.
constexpr size_t most_requests = 1;
constexpr size_t most_body = 4096;

// Threads is a fixed number of them. Whoever brings more than they get done has to wait, so that
// clients can not take all descriptors.
class Threads : public httplib::TaskQueue {
 public:
  explicit Threads(size_t number) {
    for (size_t i = 0; i < number; ++i) threads_.emplace_back([this] { work(); });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return ending_ || tasks_.size() < most_waiting; });
    tasks_.push_back(std::move(task));
    work_.notify_one();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    work_.notify_all();
    room_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      room_.notify_one();
      lock.unlock();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  bool ending_ = false;
};

bool is_address(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  return ::inet_pton(AF_INET, host.c_str(), &four) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

// Without the port, and without the brackets of an IPv6 address.
std::string host_part(const std::string& header) {
  if (header.starts_with('[')) {
    const size_t end = header.find(']');
    return end == std::string::npos ? "" : header.substr(1, end - 1);
  }
  return header.substr(0, header.find(':'));
}

// In a time that does not tell how much of it was right.
bool is_same_secret(const std::string& one, const std::string& other) {
  unsigned difference = one.size() == other.size() ? 0 : 1;
  for (size_t i = 0; i < one.size(); ++i) {
    const auto a = static_cast<unsigned char>(one[i]);
    const auto b = static_cast<unsigned char>(other.empty() ? 0 : other[i % other.size()]);
    difference |= static_cast<unsigned>(a ^ b);
  }
  return difference == 0;
}

void refuse(httplib::Response& response, int status, const char* why) {
  response.status = status;
  response.set_content(std::string(why) + "\n", "text/plain; charset=utf-8");
}

Request asked_by(const httplib::Request& request) {
  Request asked;
  asked.path = request.path;
  asked.accept = request.get_header_value("Accept");
  for (const auto& [name, value] : request.params) asked.parameters[name] = value;
  asked.left = ConnectionLimits::has_left;
  asked.browser = asked.accept.find("text/html") != std::string::npos;
  return asked;
}

bool needs_token(const HttpOptions& options, const Request& asked) {
  return !options.token.empty() && !(options.is_public && options.is_public(asked));
}

bool is_admitted(const HttpOptions& options, const httplib::Request& request, const Request& asked,
                 httplib::Response& response) {
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    refuse(response, 405, "only GET and HEAD are answered");
    return false;
  }
  const std::string host = request.get_header_value("Host");
  // With TLS it is the client who makes sure that the name is ours.
  if (options.tls.certificate.empty() && !is_allowed_host(host, options.host)) {
    refuse(response, 403, "this Host is not answered: ask by address, or by the name listened on");
    return false;
  }
  const std::string origin = request.get_header_value("Origin");
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host) {
    refuse(response, 403, "pages of another origin are not answered");
    return false;
  }
  if (needs_token(options, asked) &&
      !is_same_secret(request.get_header_value("Authorization"), "Bearer " + options.token)) {
    response.set_header("WWW-Authenticate", "Bearer");
    refuse(response, 401, "a token is needed: Authorization: Bearer TOKEN");
    return false;
  }
  return true;
}

// Leaves the socket that listens in `listening`.
void set_limits(httplib::Server& server, bool with_tls, int* listening) {
  server.new_task_queue = [=] { return new Threads(with_tls ? threads_with_tls : threads); };
  server.set_read_timeout(patience_s);
  server.set_write_timeout(patience_s);
  server.set_keep_alive_timeout(keep_alive_s);
  server.set_keep_alive_max_count(most_requests);
  server.set_payload_max_length(most_body);
  server.set_tcp_nodelay(true);
  // Not SO_REUSEPORT, which the library would set: two daemons would share a port, and each get
  // some of the requests.
  server.set_socket_options([listening](int fd) {
    *listening = fd;
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  server.set_default_headers(
      {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-store"}});
}

uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family != AF_INET6) return 0;
  return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

// Ends all connections to `port` of ours: a thread that waits for a slow client waits no more.
// The library does not tell which they are.
void hang_up(uint16_t port) {
  for (const int fd : list_numbers("/proc/self/fd")) {
    if (local_port(fd) == port) ::shutdown(fd, SHUT_RDWR);
  }
}

}  // namespace

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || (is_address(host) && host.starts_with("127."));
}

bool is_allowed_host(const std::string& header, const std::string& own) {
  const std::string host = host_part(header);
  return is_address(host) || host == "localhost" || (!own.empty() && host == own);
}

struct HttpServer::State {
  HttpOptions options;
  std::function<Response(const Request&)> answer;
  std::unique_ptr<ConnectionLimits> limits;
  std::unique_ptr<Tls> tls;  // if there is a certificate; outlives what is connected
  std::unique_ptr<httplib::Server> server;
  int port = 0;
  std::thread thread;
  std::atomic<bool> ended{false};

  Result<void> make_server() {
    limits = std::make_unique<ConnectionLimits>(options.limits);
    if (options.tls.certificate.empty()) {
      server = std::make_unique<PlainServer>(*limits);
      return {};
    }
    auto loaded = Tls::load(options.tls, *limits);
    if (!loaded) return loaded.error();
    tls = std::move(*loaded);
    server = std::make_unique<httplib::SSLServer>(
        [this](SSL_CTX& context) { return tls->set_up(context); });
    if (server->is_valid()) return {};
    return Error{ErrorKind::environment, "TLS can not be had"};
  }

  void reply(const httplib::Request& request, httplib::Response& response) const {
    limits->waits();
    give_answer(request, response);
    limits->takes();
  }

  void give_answer(const httplib::Request& request, httplib::Response& response) const {
    const Request asked = asked_by(request);
    if (!is_admitted(options, request, asked, response)) return;
    Response answered = answer(asked);
    response.status = answered.status;
    for (const auto& [name, value] : answered.headers) response.set_header(name, value);
    response.set_content(std::move(answered.body), answered.type.c_str());
  }
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(
    const HttpOptions& options, std::function<Response(const Request&)> answer) {
  if (!is_loopback(options.host) && options.token.empty() && options.tls.client_ca.empty()) {
    return Error{ErrorKind::usage,
                 fmt::format("to listen on {}, where others than this host can ask, needs "
                             "http.token_file, or TLS with http.client_ca; or listen on 127.0.0.1",
                             options.host)};
  }
  auto state = std::make_unique<State>();
  state->options = options;
  state->answer = std::move(answer);
  State& its = *state;
  if (auto made = its.make_server(); !made) return made.error();
  int listening = -1;
  set_limits(*its.server, its.tls != nullptr, &listening);
  its.server->set_pre_routing_handler([&its](const auto& request, auto& response) {
    its.reply(request, response);
    return httplib::Server::HandlerResponse::Handled;
  });
  its.port = options.port == 0 ? its.server->bind_to_any_port(options.host)
             : its.server->bind_to_port(options.host, options.port) ? options.port
                                                                    : -1;
  if (its.port < 0) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot listen on {}:{}; is another coroscope serving there, or "
                             "another program?",
                             options.host, options.port)};
  }
  // The library has five wait: who comes sixth at once would try again a second later.
  ::listen(listening, most_pending);
  its.thread = std::thread([&its] {
    its.server->listen_after_bind();
    its.ended = true;
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::~HttpServer() {
  if (!state_->thread.joinable()) return;
  // stop() does nothing before the server runs.
  while (!state_->server->is_running() && !state_->ended) std::this_thread::yield();
  state_->server->stop();
  hang_up(port());
  state_->thread.join();
}

Result<void> HttpServer::read_certificates() {
  return state_->tls ? state_->tls->load_again() : Result<void>();
}

uint16_t HttpServer::port() const {
  return static_cast<uint16_t>(state_->port);
}

}  // namespace coroscope::daemon
