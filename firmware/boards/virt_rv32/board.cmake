# QEMU's `virt` machine: RV32IMAC, without an FPU, as an ESP32-C3's or -C6's core is. Its programs are picolibc's, which starts them.
set(SER_TICKS_SOURCE boards/virt_rv32/cycles.c)
set(SER_TICKS_PER_MICROSECOND 1000)

function(add_board_executable name stack_size)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE boards/emulated)
  target_link_options(${name} PRIVATE -Tpicolibc.ld
    $<$<STREQUAL:${SER_MODEL},apart>:-Wl,--section-start=.ser_model=0x80080000>
    -Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=1M,--defsym=__ram=0x80200000,--defsym=__ram_size=256K
    -Wl,--defsym=__stack_size=${stack_size},--defsym=__stack_top=__stack,--defsym=__stack_limit=__heap_end)
  set_target_properties(${name} PROPERTIES SUFFIX .elf)
endfunction()

function(add_emulated_executable name)
  add_board_executable(${name} 16K ${ARGN} boards/virt_rv32/hosted.c)
  target_link_options(${name} PRIVATE --crt0=semihost --oslib=semihost -Wl,--wrap=main)
endfunction()

if(SER_ENGINE STREQUAL generated)  # TFLM's library refers to exit and heap, which this program has not
  add_board_executable(ser_firmware 4K boards/emulated/firmware.c boards/virt_rv32/device.c)
  target_link_libraries(ser_firmware PRIVATE ser_app)
  target_compile_definitions(ser_firmware PRIVATE SER_RECORDING_ADDRESS=0x81000000u SER_UART_ADDRESS=0x10000000u)
endif()

include(boards/emulated/programs.cmake)
