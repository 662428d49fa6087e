// SPDX-License-Identifier: Apache-2.0
#include "detect/verdict.h"

namespace coroscope {

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::steady:
      return "steady";
    case Verdict::warming_up:
      return "warming up";
    case Verdict::backlog:
      return "backlog";
    case Verdict::plateau:
      return "plateau";
    case Verdict::leak:
      return "leak";
    case Verdict::stuck:
      return "stuck";
    case Verdict::busy:
      return "busy";
    case Verdict::starved:
      return "starved";
  }
  return "unknown";
}

bool is_fault(Verdict verdict) {
  return verdict == Verdict::leak || verdict == Verdict::stuck || verdict == Verdict::busy ||
         verdict == Verdict::starved;
}

}  // namespace coroscope
