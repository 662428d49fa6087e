// SPDX-License-Identifier: Apache-2.0
// Writes the inputs that fuzzing begins with, a folder for each fuzz target.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "seeds.h"

namespace {

using namespace coroscope::fuzz;

bool write(const std::filesystem::path& folder, const Seeds& seeds) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  bool good = true;
  for (const auto& [name, records] : seeds) {
    const std::vector<uint8_t> bytes = write_records(records);
    std::ofstream file(folder / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    good = good && file.flush();
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_corpus FOLDER\n", stderr);
    return 2;
  }
  const std::filesystem::path folder(argv[1]);
  const bool good =
      write(folder / "table", table_seeds()) && write(folder / "modules", modules_seeds());
  return good ? 0 : 1;
}
