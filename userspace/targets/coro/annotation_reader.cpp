// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/annotation_reader.h"

#include <algorithm>
#include <string>

#include "targets/coro/guarded.h"

namespace coroscope::coro {

std::optional<Annotation> parse_annotation(std::string_view text, uint32_t labels) {
  const auto texts = static_cast<uint64_t>(std::count(text.begin(), text.end(), '\0'));
  if (texts != 1 + 2 * uint64_t{labels} || text.back() != '\0') return std::nullopt;
  const auto next = [&text] {
    const size_t end = text.find('\0');
    std::string one(text.substr(0, end));
    text.remove_prefix(end + 1);
    return one;
  };
  Annotation annotation;
  annotation.name = next();
  for (uint32_t i = 0; i < labels; ++i) {
    std::string key = next();
    annotation.labels.push_back({std::move(key), next()});
  }
  return annotation;
}

std::optional<Annotation> read_annotation(const Memory& memory, uint64_t header_address,
                                          uint64_t id) {
  return read_guarded(
      memory, header_address, id,
      [&memory](const coro_header& header) -> std::optional<Annotation> {
        coro_annotation annotation{};
        if (header.id == 0 || header.annotation == 0) return std::nullopt;
        if (!memory.read_value(header.annotation, &annotation)) return std::nullopt;
        if (annotation.size > CORO_ANNOTATION_MAX) return std::nullopt;
        std::string text(annotation.size, ' ');
        if (!memory.read(header.annotation + sizeof annotation, text.data(), text.size())) {
          return std::nullopt;
        }
        return parse_annotation(text, annotation.labels);
      });
}

}  // namespace coroscope::coro
