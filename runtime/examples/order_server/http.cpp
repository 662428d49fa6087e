// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <system_error>

namespace {

constexpr std::size_t longest_head = 8192;
constexpr std::string_view end_of_head = "\r\n\r\n";

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// The head without the empty line that ends it.
bool parse(std::string_view head, Request& request) {
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
  if (second == line.npos || first == 0 || second == first + 1) return false;
  const std::string_view version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);

  const std::string fields = lower(head.substr(line_end)) + "\r\n";
  if (fields.find("\r\ntransfer-encoding:") != fields.npos) return false;
  const std::size_t length = fields.find("\r\ncontent-length:");
  if (length != fields.npos && fields.find("\r\ncontent-length: 0\r\n") == fields.npos)
    return false;
  request.keep_alive = version == "HTTP/1.1"
                           ? fields.find("\r\nconnection: close\r\n") == fields.npos
                           : fields.find("\r\nconnection: keep-alive\r\n") != fields.npos;
  return true;
}

}  // namespace

RequestReader::Result RequestReader::next(Request& request) {
  for (;;) {
    const std::size_t end = bytes_.find(end_of_head);
    if (end != bytes_.npos && end <= longest_head) {
      const bool good = parse(std::string_view(bytes_).substr(0, end), request);
      bytes_.erase(0, end + end_of_head.size());
      return good ? Result::request : Result::bad;
    }
    if (bytes_.size() > longest_head) return Result::bad;
    std::array<char, 2048> piece;
    std::error_code error;
    const std::size_t count = connection_.read(piece.data(), piece.size(), error);
    if (count == 0) return Result::end;  // also after an error
    bytes_.append(piece.data(), count);
  }
}

bool respond(coro::net::Connection& connection, std::string_view status, std::string_view text,
             bool keep_alive) {
  std::string answer = "HTTP/1.1 ";
  answer.append(status).append("\r\nContent-Type: text/plain\r\nContent-Length: ");
  answer.append(std::to_string(text.size()));
  answer.append(keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n").append(text);
  std::error_code error;
  connection.write(answer, error);
  return !error;
}
