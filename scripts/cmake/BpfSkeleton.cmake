# add_bpf_skeleton(<name> <source.bpf.c> [DEPENDS <headers>])
#
# Compiles a BPF program and generates its bpftool skeleton. Creates an
# interface library <name> whose include directory holds <stem>.skel.h. The
# kernel's types come from vmlinux/<arch>/vmlinux.h, so that the build machine
# needs no BTF of its own.
find_program(BPF_CLANG NAMES clang clang-19 clang-16 clang-15 clang-14 REQUIRED)
find_program(BPF_STRIP NAMES llvm-strip llvm-strip-19 llvm-strip-16 llvm-strip-15 llvm-strip-14 REQUIRED)
# Debian keeps bpftool in a directory that is not in a user's PATH.
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(BPF_ARCH x86_64)
  set(BPF_TARGET_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(BPF_ARCH arm64)
  set(BPF_TARGET_ARCH arm64)
else()
  message(FATAL_ERROR "coroscope has no vmlinux.h for ${CMAKE_SYSTEM_PROCESSOR}; see scripts/make-vmlinux")
endif()

function(add_bpf_skeleton name source)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  get_filename_component(stem "${source}" NAME)
  string(REPLACE ".bpf.c" "" stem "${stem}")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/skeleton")
  set(object "${out}/${stem}.bpf.o")
  set(skeleton "${out}/${stem}.skel.h")
  set(vmlinux "${PROJECT_SOURCE_DIR}/vmlinux/${BPF_ARCH}/vmlinux.h")
  file(MAKE_DIRECTORY "${out}")

  # The only kernel record that the programs read is pt_regs, whose layout is
  # fixed (UAPI). Without CO-RE relocations they also load where the kernel has
  # no BTF.
  #
  # libbpf's usdt.bpf.h includes <linux/errno.h>, which lives in a multiarch
  # directory that clang does not search when it compiles for bpf.
  add_custom_command(
    OUTPUT "${object}"
    COMMAND "${BPF_CLANG}" -g -O2 -target bpf -D__TARGET_ARCH_${BPF_TARGET_ARCH}
            -DBPF_NO_PRESERVE_ACCESS_INDEX
            -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations -Wno-sign-compare
            -I "${PROJECT_SOURCE_DIR}/vmlinux/${BPF_ARCH}"
            -I "${CMAKE_CURRENT_SOURCE_DIR}"
            -idirafter "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}"
            -c "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o "${object}"
    COMMAND "${BPF_STRIP}" -g "${object}"
    DEPENDS "${source}" ${ARG_DEPENDS} "${vmlinux}"
    COMMENT "Compiling BPF program ${source}" VERBATIM)
  add_custom_command(
    OUTPUT "${skeleton}"
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$4\" > \"$3\"" -- "${BPFTOOL}" "${object}"
            "${skeleton}" "${stem}_bpf"
    DEPENDS "${object}"
    COMMENT "Generating skeleton of ${source}" VERBATIM)
  add_custom_target(${name}_generate DEPENDS "${skeleton}")
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_generate)
  # SYSTEM: the generated code is not held to our warnings.
  target_include_directories(${name} SYSTEM INTERFACE "${out}")
endfunction()
