// SPDX-License-Identifier: Apache-2.0
#include "annotation.h"

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "coro/error.h"
#include "lifecycle.h"
#include "park.h"

namespace coro::detail {
namespace {

std::vector<Label> sorted(std::span<const Label> labels) {
  std::vector<Label> result;
  result.reserve(labels.size());
  for (const Label& label : labels) {
    const auto place =
        std::lower_bound(result.begin(), result.end(), label,
                         [](const Label& a, const Label& b) { return a.first < b.first; });
    if (place != result.end() && place->first == label.first) {
      place->second = label.second;
    } else {
      result.insert(place, label);
    }
  }
  return result;
}

void check(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    throw UsageError("coro: a coroutine's name or label contains a NUL");
  }
}

std::size_t checked_size(std::string_view name, std::span<const Label> labels) {
  check(name);
  std::size_t size = name.size() + 1;
  for (const auto& [key, value] : labels) {
    check(key);
    check(value);
    if (key.empty()) throw UsageError("coro: the key of a coroutine's label is empty");
    size += key.size() + value.size() + 2;
  }
  if (size > CORO_ANNOTATION_MAX) {
    throw UsageError("coro: a coroutine's name and labels take " + std::to_string(size) +
                     " bytes: at most " + std::to_string(CORO_ANNOTATION_MAX) + " are allowed");
  }
  return size;
}

char* append(char* to, std::string_view text) noexcept {
  to = std::copy(text.begin(), text.end(), to);
  *to = '\0';
  return to + 1;
}

}  // namespace

Annotation* Annotation::create(std::string_view name, std::span<const Label> given) {
  static_assert(std::is_standard_layout_v<Annotation>);
  const std::vector<Label> labels = sorted(given);
  if (name.empty() && labels.empty()) return nullptr;
  const std::size_t size = checked_size(name, labels);
  Annotation* unnamed = nullptr;
  if (!name.empty() && !labels.empty()) unnamed = create("", labels);
  void* memory = ::operator new(sizeof(Annotation) + size, std::nothrow);
  if (memory == nullptr) {
    if (unnamed != nullptr) unnamed->release();
    throw std::bad_alloc();
  }
  auto* annotation =
      ::new (memory) Annotation({.size = static_cast<std::uint32_t>(size),
                                 .labels = static_cast<std::uint32_t>(labels.size())});
  annotation->unnamed_ = unnamed;
  char* to = append(annotation->texts(), name);
  for (const auto& [key, value] : labels) to = append(append(to, key), value);
  return annotation;
}

void Annotation::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (unnamed_ != nullptr) unnamed_->release();
  this->~Annotation();
  ::operator delete(this);
}

Annotation* Annotation::inherit() noexcept {
  Annotation* result = unnamed_ != nullptr ? unnamed_ : this;
  if (result->published_.labels == 0) return nullptr;
  result->retain();
  return result;
}

namespace {

Annotation* annotation_of(const Coroutine& coroutine) noexcept {
  return Annotation::published_at(get(coroutine.header->annotation));
}

Coroutine& annotated() {
  Coroutine* self = current_coroutine();
  if (self != nullptr) return *self;
  throw UsageError("coro: a name or a label was set outside of a coroutine");
}

std::vector<Label> labels_of(const Annotation* annotation) {
  std::vector<Label> labels;
  if (annotation != nullptr) {
    annotation->for_each_label(
        [&](std::string_view key, std::string_view value) { labels.emplace_back(key, value); });
  }
  return labels;
}

std::string_view name_of(const Annotation* annotation) noexcept {
  return annotation == nullptr ? std::string_view() : annotation->name();
}

}  // namespace

Annotation* annotate_child(std::string_view name, std::span<const Label> own) {
  const Coroutine* parent = current_coroutine();
  Annotation* from = parent == nullptr ? nullptr : annotation_of(*parent);
  if (name.empty() && own.empty()) return from == nullptr ? nullptr : from->inherit();
  std::vector<Label> labels = labels_of(from);
  labels.insert(labels.end(), own.begin(), own.end());
  return Annotation::create(name, labels);
}

}  // namespace coro::detail

namespace coro {

using detail::Annotation;

void set_name(std::string_view name) {
  detail::Coroutine& self = detail::annotated();
  const std::vector<Label> labels = detail::labels_of(detail::annotation_of(self));
  detail::publish_annotation(*self.header, Annotation::create(name, labels));
}

void set_label(std::string_view key, std::string_view value) {
  detail::Coroutine& self = detail::annotated();
  const Annotation* former = detail::annotation_of(self);
  std::vector<Label> labels = detail::labels_of(former);
  labels.emplace_back(key, value);
  detail::publish_annotation(*self.header, Annotation::create(detail::name_of(former), labels));
}

void remove_label(std::string_view key) {
  detail::Coroutine& self = detail::annotated();
  const Annotation* former = detail::annotation_of(self);
  std::vector<Label> labels = detail::labels_of(former);
  if (std::erase_if(labels, [key](const Label& label) { return label.first == key; }) == 0) return;
  detail::publish_annotation(*self.header, Annotation::create(detail::name_of(former), labels));
}

std::string current_name() {
  const detail::Coroutine* self = detail::current_coroutine();
  return std::string(self == nullptr ? "" : detail::name_of(detail::annotation_of(*self)));
}

std::vector<std::pair<std::string, std::string>> current_labels() {
  std::vector<std::pair<std::string, std::string>> result;
  if (const detail::Coroutine* self = detail::current_coroutine()) {
    for (const auto& [key, value] : detail::labels_of(detail::annotation_of(*self))) {
      result.emplace_back(key, value);
    }
  }
  return result;
}

}  // namespace coro
