# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts here share: packages, privilege, building. To be sourced.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PATH="$PATH:/usr/sbin:/sbin" # Debian keeps bpftool there, a user's PATH has it not

# Exit codes, as coroscope's own.
# shellcheck disable=SC2034  # for those who source this
readonly exit_usage=2 exit_environment=3

# Debian's packages by group, each with what shows that it is there: a command, a
# pkg-config module, a header below the compiler's include folders, a file, one of
# clang's run-time libraries, or a module of Python.
packages='
build  cmake                   command:cmake
build  ninja-build             command:ninja
build  g++                     command:g++
build  clang                   command:clang
build  llvm                    command:llvm-strip
build  bpftool                 command:bpftool
build  pkg-config              command:pkg-config
build  ccache                  command:ccache
build  libbpf-dev              module:libbpf
build  libdw-dev               module:libdw
build  libelf-dev              module:libelf
build  libdebuginfod-dev       header:elfutils/debuginfod.h
build  zlib1g-dev              module:zlib
build  libcli11-dev            header:CLI/CLI.hpp
build  libfmt-dev              header:fmt/format.h
build  libspdlog-dev           header:spdlog/spdlog.h
build  nlohmann-json3-dev      header:nlohmann/json.hpp
build  libprotozero-dev        header:protozero/pbf_builder.hpp
build  libre2-dev              module:re2
build  libtomlplusplus-dev     header:toml++/toml.h
build  libcpp-httplib-dev      module:cpp-httplib
build  libssl-dev              header:openssl/ssl.h
build  libbrotli-dev           header:brotli/decode.h
build  libcap-ng-dev           module:libcap-ng
build  libsqlite3-dev          module:sqlite3
build  libsqlitecpp-dev        header:SQLiteCpp/SQLiteCpp.h
build  prometheus-cpp-dev      header:prometheus/text_serializer.h
build  systemtap-sdt-dev       header:sys/sdt.h
test   libgtest-dev            header:gtest/gtest.h
test   libgmock-dev            header:gmock/gmock.h
test   libbenchmark-dev        header:benchmark/benchmark.h
test   git                     command:git
test   libclang-rt-dev         clang:fuzzer
test   clang-format            command:clang-format
test   bpftrace                command:bpftrace
test   gdb                     command:gdb
test   debuginfod              command:debuginfod
test   golang-go               command:go
test   graphviz                command:dot
test   nodejs                  command:node
test   python3                 command:python3
test   python3-prometheus-client  python:prometheus_client
test   python3-seccomp         python:seccomp
test   python3-yaml            python:yaml
test   systemd                 command:systemd-analyze
test   python3-selenium        file:/usr/lib/python3/dist-packages/selenium/__init__.py
test   chromium                command:chromium
test   chromium-driver         command:chromedriver
test   curl                    command:curl
test   wrk                     command:wrk
test   g++-aarch64-linux-gnu   command:aarch64-linux-gnu-g++
test   libc6-dev-arm64-cross   file:/usr/aarch64-linux-gnu/include/asm/ptrace.h
test   qemu-user-static        command:qemu-aarch64-static
demo   wrk                     command:wrk
demo   curl                    command:curl
bench  libbenchmark-dev        header:benchmark/benchmark.h
bench  libboost-fiber-dev      header:boost/fiber/all.hpp
bench  libboost-context-dev    header:boost/context/detail/fcontext.hpp
bench  golang-go               command:go
bench  python3                 command:python3
bench  util-linux              command:taskset
'

say() { echo "==> $*"; }

# fail CODE LINE...: the first line says what is wrong, the others what to do.
fail() {
  local code="$1"
  shift
  printf '%s\n' "$(basename "$0"): $1" "${@:2}" >&2
  exit "$code"
}

# option_error ARGUMENT: the caller has a function usage.
option_error() {
  usage >&2
  fail "$exit_usage" "no such option: $1"
}

# as_root COMMAND...: runs it as root.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    fail "$exit_environment" "root is needed for: $*" "Run this script as root, or install sudo."
  fi
}

# have KIND:NAME
have() {
  local name="${1#*:}"
  case "${1%%:*}" in
    command) command -v "$name" >/dev/null ;;
    module) command -v pkg-config >/dev/null && pkg-config --exists "$name" ;;
    header) have_header "$name" ;;
    file) [[ -e "$name" ]] ;;
    clang) have_clang_library "$name" ;;
    python) /usr/bin/python3 -c "import $name" 2>/dev/null ;;
  esac
}

have_header() {
  local folder
  for folder in /usr/include "/usr/include/$(uname -m)-linux-gnu" /usr/local/include; do
    [[ -e "$folder/$1" ]] && return 0
  done
  return 1
}

# have_clang_library NAME
have_clang_library() {
  command -v clang >/dev/null &&
    [[ -e "$(clang -print-resource-dir)/lib/linux/libclang_rt.$1-$(uname -m).a" ]]
}

# missing_packages GROUP...
missing_packages() {
  local group package sign
  while read -r group package sign; do
    [[ -n "$group" && " $* " == *" $group "* ]] || continue
    have "$sign" || package_name "$package"
  done <<<"$packages" | sort -u
}

# Ubuntu has bpftool in another package.
package_name() {
  if [[ "$1" == bpftool && " $(os_ids) " == *" ubuntu "* ]]; then
    echo linux-tools-common linux-tools-generic
  else
    echo "$1"
  fi
}

# This distribution's id, and those that it is like.
os_ids() {
  [[ -r /etc/os-release ]] || return 0
  # shellcheck disable=SC1091  # belongs to the system
  (. /etc/os-release && echo "${ID:-}" "${ID_LIKE:-}")
}

is_debian_like() {
  [[ " $(os_ids) " == *" debian "* ]] && command -v apt-get >/dev/null
}

# setup GROUP...: installs what is missing of these groups, or says what is.
setup() {
  local missing
  missing="$(missing_packages "$@" | xargs)"
  [[ -n "$missing" ]] || return 0
  is_debian_like ||
    fail "$exit_environment" "this is no Debian, so nothing was installed. Missing, by Debian's names:" \
      "  $missing" "Install them with your package manager and run this again."
  say "installing: $missing"
  # shellcheck disable=SC2086  # a list of words
  install_packages $missing
  missing="$(missing_packages "$@" | xargs)"
  [[ -z "$missing" ]] ||
    fail "$exit_environment" "apt-get went well, but these are still not found: $missing" \
      "Is another version of them first in PATH?"
}

# install_packages PACKAGE...: quiet unless it fails. The package lists are only
# fetched if the install does not work with those that are there.
install_packages() {
  local log
  log="$(mktemp)"
  apt_get install "$@" >"$log" 2>&1 ||
    { apt_get update && apt_get install "$@"; } >"$log" 2>&1 ||
    { cat "$log" >&2; rm -f "$log"; fail "$exit_environment" "apt-get could not install: $*"; }
  rm -f "$log"
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
    -o DPkg::Lock::Timeout=600 --no-install-recommends "$@" </dev/null
}

# Of packages that start a service when they are installed, so that they are not: unpacked into
# build/tools. A file of each shows that it is there.
readonly unpacked='
prometheus               usr/bin/prometheus
prometheus-alertmanager  usr/bin/prometheus-alertmanager
'

unpack_tools() {
  local package file folder="$root/build/tools" work
  while read -r package file; do
    [[ -n "$package" && ! -x "$folder/$file" ]] || continue
    is_debian_like ||
      fail "$exit_environment" "this is no Debian, so $package was not fetched: it has to be in build/tools/$file"
    say "unpacking: $package"
    work="$(mktemp -d)"
    (cd "$work" && { apt-get -qq download "$package" || { apt_get update && apt-get -qq download "$package"; }; } &&
      mkdir -p "$folder" && dpkg-deb -x "$work"/*.deb "$folder") >"$work/log" 2>&1 </dev/null ||
      { cat "$work/log" >&2; fail "$exit_environment" "apt-get could not download $package"; }
    rm -rf "$work"
  done <<<"$unpacked"
}

# What a build or a test runs under.
launcher=()

# The sanitizers of gcc 12 and clang 14 need their shadow memory free, which a kernel
# with vm.mmap_rnd_bits above 28 does not promise; without randomisation it is.
use_fixed_addresses() {
  if setarch "$(uname -m)" -R true 2>/dev/null; then launcher=(setarch "$(uname -m)" -R); fi
}

# build PRESET [TARGET...]: configures and builds; all targets if none is given.
build() {
  local preset="$1" targets=()
  shift
  (($# == 0)) || targets=(--target "$@")
  quietly "configure-$preset" in_root cmake --preset "$preset" &&
    quietly "build-$preset" in_root cmake --build --preset "$preset" "${targets[@]}"
}

in_root() { (cd "$root" && "${launcher[@]}" "$@"); }

# quietly NAME COMMAND...: its output goes to build/log/NAME.log, and is shown if
# the command fails.
quietly() {
  local log="$root/build/log/$1.log"
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null || {
    local code=$?
    tail -n 60 "$log" >&2
    echo "failed with $code: $*   (all of its output: ${log#"$root"/})" >&2
    return "$code"
  }
}

# Why real BPF does not work here, as lines; nothing if it does. Attaches a real
# uprobe with a real program: that is what the tests need, not a version number.
why_no_bpf() {
  local output
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    echo "not root, and there is no sudo"
    return
  fi
  if ! [[ -r /sys/bus/event_source/devices/uprobe/type ]]; then
    echo "the kernel has no uprobes (CONFIG_UPROBE_EVENTS, CONFIG_PERF_EVENTS), or /sys is not mounted"
    return
  fi
  if ! output="$(as_root timeout 60 bpftrace -e 'BEGIN { printf("bpf works\n"); exit(); }' 2>&1 </dev/null)" ||
    [[ "$output" != *"bpf works"* ]]; then
    echo "bpftrace could not attach a uprobe:"
    tail -n 5 <<<"$output"
  fi
}
