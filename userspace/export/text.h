// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "detect/report.h"

namespace coroscope {

struct TextOptions {
  bool colour = false;
};

// One leak as a block of lines: verdict and evidence, where its members wait,
// where they were born.
std::string finding_text(const ReportedFinding& finding, const TextOptions& options);

// The report for people. Ends with a newline.
std::string report_text(const std::vector<TargetReport>& reports, const TextOptions& options);

}  // namespace coroscope
