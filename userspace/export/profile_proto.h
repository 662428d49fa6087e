// SPDX-License-Identifier: Apache-2.0
// The numbers of the fields of a profile that we write, as they are in
// https://github.com/google/pprof/blob/main/proto/profile.proto. Where a field is
// called a string, it has an index into the string table.
#pragma once

#include <protozero/types.hpp>

namespace coroscope::profile {

enum class Profile : protozero::pbf_tag_type {
  sample_type = 1,
  sample = 2,
  mapping = 3,
  location = 4,
  function = 5,
  string_table = 6,
  time_nanos = 9,
  duration_nanos = 10,
  comment = 13,
  default_sample_type = 14,
};

enum class ValueType : protozero::pbf_tag_type { type = 1, unit = 2 };

enum class Sample : protozero::pbf_tag_type { location_id = 1, value = 2, label = 3 };

enum class Label : protozero::pbf_tag_type { key = 1, str = 2, num = 3 };

enum class Mapping : protozero::pbf_tag_type {
  id = 1,
  filename = 5,
  has_functions = 7,
  has_filenames = 8,
  has_line_numbers = 9,
  has_inline_frames = 10,
};

enum class Location : protozero::pbf_tag_type { id = 1, mapping_id = 2, address = 3, line = 4 };

enum class Line : protozero::pbf_tag_type { function_id = 1, line = 2 };

enum class Function : protozero::pbf_tag_type { id = 1, name = 2, filename = 4 };

}  // namespace coroscope::profile
