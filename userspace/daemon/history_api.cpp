// SPDX-License-Identifier: Apache-2.0
#include "daemon/history_api.h"

#include <algorithm>
#include <charconv>

#include "history/json.h"
#include "history/query.h"
#include "history/when.h"
#include "util/clock.h"

namespace coroscope::daemon {
namespace {

constexpr const char* services_path = "/api/v1/services";
constexpr int most_points = 2000;

Response told(int status, const std::string& text) {
  return {status, "text/plain; charset=utf-8", text + "\n"};
}

Response wrong(const Error& error) {
  return told(error.kind == ErrorKind::usage ? 400 : 503, error.message);
}

history::Time now_seconds() {
  return static_cast<history::Time>(unix_ns() / 1'000'000'000);
}

// A number stands for seconds since 1970: so it is in what we answer.
Result<history::Time> time_of(const Request& request, const char* name, history::Time otherwise) {
  const auto found = request.parameters.find(name);
  if (found == request.parameters.end() || found->second.empty()) return otherwise;
  const std::string& text = found->second;
  const bool number = text.find_first_not_of("0123456789") == std::string::npos;
  return history::parse_when(number ? "@" + text : text, now_seconds());
}

std::optional<int> points_of(const Request& request) {
  const auto found = request.parameters.find("points");
  if (found == request.parameters.end()) return 400;
  const std::string& text = found->second;
  int points = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), points);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (points < 1 || points > most_points) return std::nullopt;
  return points;
}

Response json_of(std::string text) {
  return {200, "application/json", std::move(text)};
}

Response window(history::Query& query, const history::Service& service, const Request& request) {
  const auto to = time_of(request, "to", now_seconds());
  if (!to) return wrong(to.error());
  const auto from = time_of(request, "from", *to - 3600);
  if (!from) return wrong(from.error());
  if (*from > *to) return told(400, "`from` is after `to`");
  const auto points = points_of(request);
  if (!points) return told(400, "`points` is a number from 1 to 2000");
  auto found = query.window(service, *from, *to, *points);
  if (!found) return wrong(found.error());
  return json_of(history::window_json(*found));
}

Response moment(history::Query& query, const history::Service& service, const Request& request) {
  const auto time = time_of(request, "time", now_seconds());
  if (!time) return wrong(time.error());
  auto found = query.moment(service, *time);
  if (!found) return wrong(found.error());
  return json_of(history::moment_json(*found));
}

Response of_service(history::Query& query, const std::string& rest, const Request& request) {
  const size_t slash = rest.find('/');
  const auto service = query.service(rest.substr(0, slash));
  if (!service) {
    return service.error().kind == ErrorKind::usage ? told(404, service.error().message)
                                                    : wrong(service.error());
  }
  const std::string what = slash == std::string::npos ? "" : rest.substr(slash);
  if (what == "/history") return window(query, *service, request);
  if (what == "/at") return moment(query, *service, request);
  return told(404, "of a service there is /history and /at");
}

}  // namespace

std::optional<Response> answer_history(const std::string& path, const Request& request) {
  const std::string prefix = std::string(services_path) + "/";
  const bool one = request.path.starts_with(prefix);
  if (!one && request.path != services_path) return std::nullopt;
  if (path.empty()) return told(404, "no history is kept: see `path` of [history] in the config");
  auto query = history::Query::open(path);
  if (!query) return wrong(query.error());
  if (one) return of_service(*query, request.path.substr(prefix.size()), request);
  auto services = query->services();
  if (!services) return wrong(services.error());
  return json_of(history::services_json(*services));
}

}  // namespace coroscope::daemon
