# The programs that run in an emulator, which takes stdio, files and a heap: the replay, the layers' costs, and the tests.
#
# Before this a board defines
#   add_emulated_executable(name source...)   an executable NAME.elf that the emulator runs
#   SER_TICKS_SOURCE                          what implements ticks.h
#   SER_TICKS_PER_MICROSECOND                 how fast it counts
# and has emulator.json in its folder: its core, its compiler, and the command that runs a program.

set(emulated boards/emulated)

file(READ boards/${SER_BOARD}/emulator.json emulator)
string(JSON n_words LENGTH ${emulator} command)
math(EXPR last_word "${n_words} - 1")
foreach(number RANGE ${last_word})
  string(JSON word GET ${emulator} command ${number})
  list(APPEND emulator_command ${word})
endforeach()
# How CTest runs the tests; the argument of a program is its own name.
set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator_command} -semihosting-config enable=on,target=native -kernel)

add_library(instructions STATIC ${emulated}/instructions.c ${SER_TICKS_SOURCE})
target_include_directories(instructions PUBLIC ${emulated})
target_compile_definitions(instructions PUBLIC SER_TICKS_PER_MICROSECOND=${SER_TICKS_PER_MICROSECOND}u)

add_emulated_executable(ser_replay ${emulated}/replay_main.c)
target_link_libraries(ser_replay PRIVATE ser_replay_code instructions)

if(SER_ENGINE STREQUAL generated)
  add_emulated_executable(ser_profile ${emulated}/profile_main.c ${model}/ser_model.c)
  target_compile_definitions(ser_profile PRIVATE SER_PROFILE_LAYERS)
  target_link_libraries(ser_profile PRIVATE ser_engine instructions)
endif()

foreach(part ${SER_TESTS})
  add_emulated_executable(test_${part} tests/test_${part}.c)
  target_link_libraries(test_${part} PRIVATE ser_app)
  add_test(NAME ${part} COMMAND test_${part})
endforeach()
add_emulated_executable(test_instructions tests/test_instructions.c)
target_link_libraries(test_instructions PRIVATE instructions)
add_test(NAME instructions COMMAND test_instructions)
add_emulated_executable(test_latency tests/test_latency.c)
target_link_libraries(test_latency PRIVATE ser_app instructions)
add_test(NAME latency COMMAND test_latency)
if(SER_GOLDEN)
  # By its name only, as no argument of the emulator may have a space or a comma.
  get_filename_component(golden_folder ${SER_GOLDEN} DIRECTORY)
  get_filename_component(golden_name ${SER_GOLDEN} NAME)
  add_test(NAME golden WORKING_DIRECTORY ${golden_folder} COMMAND ${emulator_command}
    -semihosting-config enable=on,target=native,arg=ser_replay,arg=--golden,arg=${golden_name} -kernel $<TARGET_FILE:ser_replay>)
endif()
