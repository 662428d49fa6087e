// SPDX-License-Identifier: Apache-2.0
// The view in the text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <string>

#include "daemon/view.h"

namespace coroscope::daemon {

// Each series of a process has the labels `pid` and `service`; what else is known of it is in
// coroscope_process_info. Series of stacks are of HostView's few, the rest is stack="other".
std::string metrics_text(const HostView& view);

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace coroscope::daemon
