// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

// Private to demangle_cost.

namespace coroscope::demangling {

inline constexpr uint64_t too_much = uint64_t{1} << 40;

// The size of a piece of the name: fixed bytes, and how many template parameters
// stand in it, each of which is as large as the argument that it stands for.
struct Size {
  uint64_t bytes = 0;
  uint64_t parameters = 0;

  Size& operator+=(const Size& other) {
    bytes = std::min(bytes + other.bytes, too_much);
    parameters = std::min(parameters + other.parameters, too_much);
    return *this;
  }
};

inline uint64_t multiply(uint64_t a, uint64_t b) {
  return b != 0 && a > too_much / b ? too_much : a * b;
}

inline Size larger(const Size& a, const Size& b) {
  return {std::max(a.bytes, b.bytes), std::max(a.parameters, b.parameters)};
}

// Walks the grammar of the Itanium C++ ABI, keeps the table of substitutions, and
// adds up sizes instead of texts. Every node counts, so the sum also bounds the
// work for names whose text is short. Anything unknown sets failed_.
class Sizer {
 public:
  // Demanglers disagree whether an unnamed type enters the table at its name.
  Sizer(std::string_view text, bool unnamed_enters, uint64_t pack)
      : text_(text), unnamed_enters_(unnamed_enters), pack_(pack) {}

  uint64_t run() {
    Size size = encoding();
    if (failed_ || (at_ != text_.size() && peek() != '.')) return UINT64_MAX;
    // An argument may name parameters of the function around it, and so on outwards.
    uint64_t parameter = argument_.bytes;
    for (int i = 0; i < encodings_ && argument_.parameters != 0 && parameter < too_much; i++) {
      parameter = std::min(argument_.bytes + multiply(argument_.parameters, parameter), too_much);
    }
    size.bytes += multiply(size.parameters, std::max<uint64_t>(parameter, node));
    return size.bytes >= too_much ? UINT64_MAX : size.bytes + (text_.size() - at_);
  }

  uint64_t longest_pack() const { return longest_pack_; }

 private:
  static constexpr uint64_t node = 24;  // as long as any built-in name with what stands around it
  static constexpr uint64_t standard_name = 80;  // std::basic_string<...>
  static constexpr int max_depth = 200;

  // Counts how deep the parser is, and stops it before the stack ends.
  struct Level {
    explicit Level(Sizer* of) : sizer(of) {
      if (++sizer->depth_ > max_depth) (void)sizer->fail();
    }
    ~Level() { sizer->depth_--; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Sizer* sizer;
  };

  Size fail() {
    failed_ = true;
    at_ = text_.size();
    return {};
  }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void skip(size_t count) { at_ += std::min(count, text_.size() - at_); }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  Size must(std::string_view what) { return take(what) ? Size{node, 0} : fail(); }
  static bool digit(char c) { return c >= '0' && c <= '9'; }
  static bool among(char c, std::string_view set) {
    return c != '\0' && set.find(c) != std::string_view::npos;
  }
  Size enter(const Size& size) {
    if (!failed_) table_.push_back(size);
    return size;
  }

  uint64_t number() {
    uint64_t value = 0;
    (void)take("n");
    while (digit(peek()) && value < too_much) value = value * 10 + uint64_t(text_[at_++] - '0');
    return value;
  }
  void sequence_end() {  // "[<number>] _"
    (void)number();
    (void)must("_");
  }

  Size encoding();
  Size special_name();
  Size name();
  Size nested_name();
  Size local_name();
  Size unqualified_name();
  Size source_name();
  Size operator_name();
  Size unnamed();
  Size substitution();
  Size template_parameter();
  Size template_arguments();
  Size template_argument();
  Size type();
  Size plain_type();
  Size d_type();
  Size types_up_to_end();
  Size expression();
  Size literal();
  Size operands(std::string_view code);
  Size name_type();
  Size unresolved_name();

  std::string_view text_;
  size_t at_ = 0;
  bool failed_ = false;
  bool unnamed_enters_;
  uint64_t pack_;
  int depth_ = 0;
  int encodings_ = 0;
  uint64_t last_list_ = 0;
  uint64_t longest_pack_ = 1;
  uint64_t longest_name_ = 16;
  Size argument_;  // the largest
  std::vector<Size> table_;
};

}  // namespace coroscope::demangling
