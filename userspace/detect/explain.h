// SPDX-License-Identifier: Apache-2.0
// What verdicts mean, for people.
#pragma once

#include <array>
#include <string>

#include "detect/judge.h"
#include "detect/verdict.h"

namespace coroscope {

inline constexpr std::array all_verdicts = {Verdict::leak,       Verdict::stuck,   Verdict::busy,
                                            Verdict::starved,    Verdict::backlog, Verdict::plateau,
                                            Verdict::warming_up, Verdict::steady};

// Some lines: what it means, how it is found, what else it may be, what to do.
std::string explain(Verdict verdict);

// How a verdict was reached, by its evidence: some lines, indented.
std::string explain(const Judgement& judgement);

}  // namespace coroscope
