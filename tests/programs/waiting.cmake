# `waiting`, and the same built in other ways: together they have each value of
# compiler, optimisation, frame pointers, CFI, names, PIE and linking once or more.
test_program(waiting waiting.cpp)
target_link_libraries(waiting PRIVATE coro::coro)
# So that each call is a frame, however it is built: the dumps of all builds are then alike.
target_compile_options(waiting PRIVATE -fno-optimize-sibling-calls)

# What sanitizers and cross compilers can not do, or what shows nothing there.
if(COROSCOPE_SANITIZE OR CMAKE_CROSSCOMPILING)
  return()
endif()

add_executable(waiting_shared $<TARGET_OBJECTS:waiting>)
target_link_libraries(waiting_shared PRIVATE coro::shared)
add_executable(waiting_static $<TARGET_OBJECTS:waiting>)
target_link_libraries(waiting_static PRIVATE coro::coro)
target_link_options(waiting_static PRIVATE -static)
set_target_properties(waiting_shared waiting_static PROPERTIES LINKER_LANGUAGE CXX)

set(waiting_variants waiting_stripped waiting_no_cfi)
add_custom_command(OUTPUT waiting_stripped
  COMMAND ${CMAKE_STRIP} -s -o waiting_stripped $<TARGET_FILE:waiting>
  DEPENDS waiting VERBATIM)

# Frame pointers, and nothing else to go by, in its own code: not in the runtime's.
add_custom_command(OUTPUT waiting_no_cfi
  COMMAND ${CMAKE_OBJCOPY} -R .eh_frame -R .rela.eh_frame $<TARGET_OBJECTS:waiting> waiting_no_cfi.o
  COMMAND ${CMAKE_CXX_COMPILER} waiting_no_cfi.o $<TARGET_FILE:coro> -pthread -o waiting_no_cfi
  DEPENDS waiting $<TARGET_OBJECTS:waiting> VERBATIM)

# The flags of coro::coro are not used: they would bring frame pointers.
function(waiting_variant name compiler link)
  add_custom_command(OUTPUT ${name}
    COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${compiler} -std=c++20 -g -fno-optimize-sibling-calls ${ARGN}
      -I${PROJECT_SOURCE_DIR}/runtime/include -MD -MT ${name} -MF ${name}.d
      -c ${CMAKE_CURRENT_SOURCE_DIR}/waiting.cpp -o ${name}.o
    COMMAND ${compiler} ${name}.o $<TARGET_FILE:coro> -pthread ${link} -o ${name}
    DEPENDS waiting.cpp coro DEPFILE ${name}.d VERBATIM)
  set(waiting_variants ${waiting_variants} ${name} PARENT_SCOPE)
endfunction()

find_program(COROSCOPE_CLANGXX NAMES clang++ clang++-14 clang++-15 clang++-16 REQUIRED)
set(fp -fno-omit-frame-pointer)
set(nofp -fomit-frame-pointer)
waiting_variant(waiting_o0 ${CMAKE_CXX_COMPILER} -pie -O0 ${fp})
waiting_variant(waiting_o1_nopie_nofp ${CMAKE_CXX_COMPILER} -no-pie -O1 -fno-pie ${nofp})
waiting_variant(waiting_o3_nofp ${CMAKE_CXX_COMPILER} -pie -O3 -fPIE ${nofp})
waiting_variant(waiting_clang_o2 ${COROSCOPE_CLANGXX} -pie -O2 -fPIE ${fp})
waiting_variant(waiting_clang_o3_nofp ${COROSCOPE_CLANGXX} -pie -O3 -fPIE ${nofp})
add_custom_target(waiting_programs ALL DEPENDS ${waiting_variants})
add_dependencies(waiting_programs waiting_shared waiting_static)
