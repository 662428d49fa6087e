// SPDX-License-Identifier: Apache-2.0
// The text format of Prometheus as OpenMetrics 1.0
// (https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md).
#pragma once

#include <string>
#include <string_view>

namespace coroscope::daemon {

inline constexpr const char* openmetrics_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Whether somebody with this Accept would rather have it than text.
bool wants_openmetrics(std::string_view accept);

// What metrics_text makes: the same samples, so that series are the same whoever asks; a counter is
// called by its name without _total, and has that in its samples; units are told; it has an end.
std::string openmetrics_of(std::string_view text);

}  // namespace coroscope::daemon
