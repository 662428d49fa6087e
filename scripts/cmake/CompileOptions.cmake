# Options for every target of this project, none for those who link the runtime.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Builds are repeated often by the tests; ccache, where it is, makes that cheap.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  # What ccache asks for where there are precompiled headers, as those of the tests.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE_PROGRAM}")
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()

find_package(Threads REQUIRED)

add_library(coroscope_options INTERFACE)
add_library(coroscope::options ALIAS coroscope_options)
target_compile_options(coroscope_options INTERFACE
  $<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Werror;-Wshadow;-Wconversion;-Wno-sign-conversion>
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-Woverloaded-virtual>
  $<$<COMPILE_LANGUAGE:C,CXX>:-fno-omit-frame-pointer>)

if(COROSCOPE_SANITIZE)
  add_compile_options(
    $<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${COROSCOPE_SANITIZE}>
    $<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize-recover=all>)
  add_link_options(-fsanitize=${COROSCOPE_SANITIZE})
  if(COROSCOPE_SANITIZE MATCHES "undefined")
    # Half of what the checks cost to compile, and AddressSanitizer sees the access.
    add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize=null,vptr>)
  endif()
  # gcc's own words: with a sanitizer there are more false positives of this one.
  # std::regex is full of them.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND COROSCOPE_SANITIZE MATCHES "thread")
    # Stand-alone fences are not seen by TSan; none are used where it matters.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-tsan>)
  endif()
endif()

# Tools and libraries that the observer links are found once, here.
if(COROSCOPE_OBSERVER)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)
  pkg_check_modules(LIBELF REQUIRED IMPORTED_TARGET libelf)
  pkg_check_modules(LIBDW REQUIRED IMPORTED_TARGET libdw libelf)
  pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
  find_package(CLI11 REQUIRED)
  find_package(fmt REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(tomlplusplus 3.0 REQUIRED)
  find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)
  pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
  find_package(OpenSSL REQUIRED)
  pkg_check_modules(CAPNG REQUIRED IMPORTED_TARGET libcap-ng)
  pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
  find_package(SQLiteCpp REQUIRED)
  find_package(Threads REQUIRED)
endif()
if(COROSCOPE_TESTS)
  # Debian has GoogleTest for its own architecture only, and its source for others.
  if(CMAKE_CROSSCOMPILING)
    add_subdirectory(/usr/src/googletest googletest EXCLUDE_FROM_ALL SYSTEM)
  else()
    find_package(GTest REQUIRED)
  endif()
  include(GoogleTest)
endif()
if(COROSCOPE_BENCH)
  find_package(benchmark REQUIRED)
endif()
