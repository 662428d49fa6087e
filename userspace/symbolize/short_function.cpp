// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cctype>

#include "symbolize/frame.h"

namespace coroscope {
namespace {

// Shortener reads a demangled name once from left to right and writes what of
// it is worth a column of the screen.
class Shortener {
 public:
  explicit Shortener(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) step();
    drop_suffix("::operator()");
    drop_suffix("::_FUN");
    return out_;
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  void step() {
    if (begins_operator()) return copy_operator();
    if (skip_anonymous() || copy_lambda()) return;
    switch (text_[at_]) {
      case '<':
        skip_group('<', '>');
        out_ += "<>";
        return;
      case '(':
        skip_group('(', ')');
        return;
      case '[':  // [abi:cxx11], [clone .cold]
        skip_group('[', ']');
        return;
      case '{':
        return copy_braces();
      case ' ':
        return after_blank();
      default:
        out_ += text_[at_++];
    }
  }

  // As a demangler writes it, and as g++ does in a signature.
  bool skip_anonymous() {
    for (const std::string_view anonymous : {"(anonymous namespace)::", "{anonymous}::"}) {
      if (!rest().starts_with(anonymous)) continue;
      at_ += anonymous.size();
      return true;
    }
    return false;
  }

  // "<lambda(int)>" is g++'s, "(anonymous class)" clang's word for it in a signature.
  bool copy_lambda() {
    if (rest().starts_with("<lambda(")) {
      skip_group('<', '>');
    } else if (rest().starts_with("(anonymous class)")) {
      skip_group('(', ')');
    } else {
      return false;
    }
    out_ += "{lambda}";
    return true;
  }

  // Moves past `open` ... `close`, whatever is nested in it.
  void skip_group(char open, char close) {
    size_t depth = 0;
    for (; at_ < text_.size(); at_++) {
      const char c = text_[at_];
      if (open == '<' && c == '(') {
        // What is in parentheses may hold any number of < and >.
        skip_group('(', ')');
        at_--;
        continue;
      }
      if (c == '>' && at_ > 0 && text_[at_ - 1] == '-') continue;  // ->
      if (c == open) depth++;
      if (c == close && --depth == 0) {
        at_++;
        return;
      }
    }
  }

  // {lambda(int)#1} keeps its number and loses its parameters.
  void copy_braces() {
    size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '(') {
        skip_group('(', ')');
        out_ += "()";
        continue;
      }
      out_ += c;
      at_++;
      if (c == '{') depth++;
      if (c == '}' && --depth == 0) return;
    }
  }

  static bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

  bool begins_operator() const {
    constexpr std::string_view word = "operator";
    if (!rest().starts_with(word)) return false;
    if (at_ > 0 && in_name(text_[at_ - 1])) return false;
    return at_ + word.size() < text_.size() && !in_name(text_[at_ + word.size()]);
  }

  void copy_operator() {
    // Longest first.
    constexpr std::array<std::string_view, 42> symbols{
        "<=>", "->*", "<<=", ">>=",  "()", "[]", "->", "<<",       ">>", "<=", ">=",
        "==",  "!=",  "&&",  "||",   "++", "--", "+=", "-=",       "*=", "/=", "%=",
        "^=",  "&=",  "|=",  "\"\"", "<",  ">",  "=",  "+",        "-",  "*",  "/",
        "%",   "^",   "&",   "|",    "~",  "!",  ",",  "co_await", " "};
    out_ += "operator";
    at_ += 8;
    for (const std::string_view symbol : symbols) {
      if (!rest().starts_with(symbol)) continue;
      out_ += symbol;
      at_ += symbol.size();
      // "operator new", "operator unsigned long", "operator\"\" _s": up to the parameters.
      const bool named = symbol == " " || symbol == "\"\"";
      while (named && at_ < text_.size() && text_[at_] != '(' && text_[at_] != '<') {
        out_ += text_[at_++];
      }
      // "operator< <int>": the blank only keeps the two apart.
      if (!named && rest().starts_with(" <")) at_++;
      return;
    }
  }

  // What came before a blank was a return type, unless it is a qualifier that comes after it.
  void after_blank() {
    constexpr std::array<std::string_view, 8> trailing{
        " const", " volatile", " &&", " &", " [", " noexcept", " requires", " mutable"};
    for (const std::string_view word : trailing) {
      const std::string_view tail = rest();
      if (!tail.starts_with(word) || out_.empty() || at_ == 0 || text_[at_ - 1] == ',') continue;
      if (word == " [") {  // [clone .cold], [with T = int]
        at_++;
        return;
      }
      at_ += word.size();
      return;
    }
    at_++;
    out_.clear();
  }

  void drop_suffix(std::string_view suffix) {
    if (!out_.ends_with(suffix)) return;
    const std::string_view before = std::string_view(out_).substr(0, out_.size() - suffix.size());
    const size_t colon = before.rfind("::");
    const std::string_view last =
        colon == std::string_view::npos ? before : before.substr(colon + 2);
    const bool lambda = last.starts_with("{lambda") || last.starts_with("$_");
    if (lambda) out_.resize(before.size());
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string short_function(std::string_view function) {
  std::string text = Shortener(function).run();
  return text.empty() ? std::string(function) : text;
}

}  // namespace coroscope
