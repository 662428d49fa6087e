# Sets CORO_SDT_INCLUDE_DIR. The header is the same for all architectures, but a
# distribution may keep it where a cross compiler does not look.
find_path(coro_sdt_dir sys/sdt.h
  PATHS /usr/include /usr/include/x86_64-linux-gnu /usr/include/aarch64-linux-gnu
  NO_CMAKE_FIND_ROOT_PATH)
if(NOT coro_sdt_dir)
  message(FATAL_ERROR "coro: sys/sdt.h not found: install systemtap-sdt-dev (Fedora: "
    "systemtap-sdt-devel), or configure with -DCORO_PROBES=OFF to build without probes")
endif()
set(CORO_SDT_INCLUDE_DIR ${CMAKE_CURRENT_BINARY_DIR}/sdt)
foreach(header sdt.h sdt-config.h)
  configure_file(${coro_sdt_dir}/sys/${header} ${CORO_SDT_INCLUDE_DIR}/sys/${header} COPYONLY)
endforeach()
