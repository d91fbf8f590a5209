# ser_firmware.elf is what a device carries; the others talk with the emulator's host, which takes stdio and a heap.

set(board ${CMAKE_CURRENT_SOURCE_DIR}/boards/mps2_an386)

function(add_board_executable name stack_bytes heap_bytes)
  add_executable(${name} ${ARGN} ${board}/startup.c)
  target_include_directories(${name} PRIVATE ${board})
  target_link_options(${name} PRIVATE -T${board}/linker.ld -Wl,-Map=${CMAKE_CURRENT_BINARY_DIR}/${name}.map
    -Wl,--defsym=STACK_BYTES=${stack_bytes} -Wl,--defsym=HEAP_BYTES=${heap_bytes} -Wl,--print-memory-usage)
  set_target_properties(${name} PROPERTIES SUFFIX .elf LINK_DEPENDS ${board}/linker.ld)
endfunction()

function(add_semihosting_executable name)
  add_board_executable(${name} 16384 16384 ${ARGN} ${board}/semihosting.c)
  target_link_options(${name} PRIVATE --specs=rdimon.specs)
endfunction()

add_board_executable(ser_firmware 4096 0 ${board}/firmware.c)
target_link_libraries(ser_firmware PRIVATE ser_app)

add_library(instructions STATIC ${board}/instructions.c)
target_include_directories(instructions PUBLIC ${board})

add_semihosting_executable(ser_replay ${board}/replay_main.c)
target_link_libraries(ser_replay PRIVATE ser_replay_code instructions)

if(SER_ENGINE STREQUAL generated)
  add_semihosting_executable(ser_profile ${board}/profile_main.c ${SER_GENERATED}/ser_model.c)
  target_compile_definitions(ser_profile PRIVATE SER_PROFILE_LAYERS)
  target_link_libraries(ser_profile PRIVATE ser_engine instructions)
endif()

foreach(part ${SER_TESTS})
  add_semihosting_executable(test_${part} tests/test_${part}.c)
  target_link_libraries(test_${part} PRIVATE ser_app)
  add_test(NAME ${part} COMMAND test_${part})
endforeach()
add_semihosting_executable(test_instructions tests/test_instructions.c)
target_link_libraries(test_instructions PRIVATE instructions)
add_test(NAME instructions COMMAND test_instructions)
if(SER_GOLDEN)
  # By its name only, as no argument of the emulator may have a space or a comma.
  get_filename_component(golden_folder ${SER_GOLDEN} DIRECTORY)
  get_filename_component(golden_name ${SER_GOLDEN} NAME)
  add_test(NAME golden WORKING_DIRECTORY ${golden_folder} COMMAND qemu-system-arm -M mps2-an386 -nographic -icount shift=0
    -semihosting-config enable=on,target=native,arg=ser_replay,arg=--golden,arg=${golden_name} -kernel $<TARGET_FILE:ser_replay>)
endif()
