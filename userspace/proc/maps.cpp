// SPDX-License-Identifier: Apache-2.0
#include "proc/maps.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace coroscope {
namespace {

// Takes the hexadecimal or decimal number that `rest` begins with and the
// `delimiter` after it.
bool take_number(std::string_view* rest, uint64_t* value, int base, char delimiter) {
  const auto [end, error] =
      std::from_chars(rest->data(), rest->data() + rest->size(), *value, base);
  if (error != std::errc()) return false;
  rest->remove_prefix(static_cast<size_t>(end - rest->data()));
  if (rest->empty()) return delimiter == '\0';
  if (delimiter == '\0') return true;
  if (rest->front() != delimiter) return false;
  rest->remove_prefix(1);
  return true;
}

bool take_permissions(std::string_view* rest, Mapping* mapping) {
  if (rest->size() < 5 || (*rest)[4] != ' ') return false;
  mapping->readable = (*rest)[0] == 'r';
  mapping->writable = (*rest)[1] == 'w';
  mapping->executable = (*rest)[2] == 'x';
  rest->remove_prefix(5);
  return true;
}

// start-end perms offset major:minor inode        path
bool parse_line(std::string_view line, Mapping* mapping) {
  uint64_t major = 0;
  uint64_t minor = 0;
  if (!take_number(&line, &mapping->start, 16, '-') ||
      !take_number(&line, &mapping->end, 16, ' ') || !take_permissions(&line, mapping) ||
      !take_number(&line, &mapping->offset, 16, ' ') || !take_number(&line, &major, 16, ':') ||
      !take_number(&line, &minor, 16, ' ') || !take_number(&line, &mapping->inode, 10, '\0')) {
    return false;
  }
  if (mapping->start >= mapping->end || major > UINT32_MAX || minor > UINT32_MAX) return false;
  if (!line.empty() && line.front() != ' ') return false;
  mapping->device = major << 32 | minor;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  constexpr std::string_view deleted = " (deleted)";
  if (line.size() > deleted.size() && line.ends_with(deleted)) {
    mapping->deleted = true;
    line.remove_suffix(deleted.size());
  }
  mapping->path = line;
  return true;
}

}  // namespace

std::vector<Mapping> parse_maps(std::string_view text, size_t* skipped) {
  std::vector<Mapping> mappings;
  size_t bad = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    Mapping mapping;
    if (parse_line(line, &mapping)) {
      mappings.push_back(std::move(mapping));
    } else {
      bad++;
    }
  }
  if (skipped != nullptr) *skipped = bad;
  return mappings;
}

Result<std::vector<Mapping>> read_maps(const Process& process) {
  std::string text;
  const std::string path = process.proc_path("maps");
  const bool read = read_text_file(path, &text);
  const int error = errno;
  if (process.ending()) return process.gone();
  if (read) return parse_maps(text);
  if (error == EACCES || error == EPERM) {
    return Error{ErrorKind::environment,
                 fmt::format("not allowed to read {}: {} belongs to user {} and we are uid {}; "
                             "run as root or with CAP_SYS_PTRACE",
                             path, process.describe(), process.user(), ::geteuid())};
  }
  return Error{ErrorKind::environment,
               fmt::format("can not read {}: {}", path, std::strerror(error))};
}

const Mapping* find_mapping(const std::vector<Mapping>& mappings, uint64_t address) {
  const auto after = std::upper_bound(
      mappings.begin(), mappings.end(), address,
      [](uint64_t value, const Mapping& mapping) { return value < mapping.start; });
  if (after == mappings.begin()) return nullptr;
  const Mapping& mapping = *(after - 1);
  return address < mapping.end ? &mapping : nullptr;
}

}  // namespace coroscope
