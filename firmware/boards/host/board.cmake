add_library(ser_wav STATIC boards/host/wav.c boards/host/resample.c boards/host/recording.c)
target_include_directories(ser_wav PUBLIC boards/host)
target_link_libraries(ser_wav PUBLIC m)

add_executable(ser_host boards/host/main.c)
target_link_libraries(ser_host PRIVATE ser_wav ser_replay_code ser_app)

foreach(part ${SER_TESTS})
  add_executable(test_${part} tests/test_${part}.c)
  target_link_libraries(test_${part} PRIVATE ser_app)
  add_test(NAME ${part} COMMAND test_${part})
endforeach()
foreach(part wav recording)
  add_executable(test_${part} tests/test_${part}.c)
  target_link_libraries(test_${part} PRIVATE ser_wav)
  add_test(NAME ${part} COMMAND test_${part})
endforeach()
if(SER_GOLDEN)
  add_test(NAME golden COMMAND ser_host --golden ${SER_GOLDEN})
endif()

if(SER_FUZZ)
  foreach(part wav frontend app)
    add_executable(fuzz_${part} tests/fuzz/fuzz_${part}.c)
    target_link_libraries(fuzz_${part} PRIVATE ser_${part})
    target_link_options(fuzz_${part} PRIVATE -fsanitize=fuzzer)
  endforeach()
  add_executable(make_seeds tests/fuzz/make_seeds.c)
  target_include_directories(make_seeds PRIVATE tests)
  target_link_libraries(make_seeds PRIVATE m)
  add_custom_command(OUTPUT seeds
    COMMAND ${CMAKE_COMMAND} -E make_directory seeds/wav seeds/frontend seeds/app
    COMMAND make_seeds seeds
    DEPENDS make_seeds
    COMMENT "Making the fuzzers' seeds")
  add_custom_target(fuzz_seeds ALL DEPENDS seeds)
endif()
