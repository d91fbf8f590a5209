# The programs of an emulated Arm board. ser_firmware.elf is what a device carries; the others talk with the emulator's host.
#
# A board may set before this what it has otherwise than Arm's MPS2 with a Cortex-M3, M4 or M7:
macro(default name value)
  if(NOT DEFINED ${name})
    set(${name} ${value})
  endif()
endmacro()
default(SER_FLASH_ORIGIN 0x00000000)
default(SER_FLASH_LENGTH 1M)  # memory as large as an nRF52840 has it
default(SER_MODEL_ORIGIN 0x00080000)  # of the section of a model that is apart from the code: the flash's second half
default(SER_RAM_ORIGIN 0x20000000)
default(SER_RAM_LENGTH 256K)
default(SER_RECORDING_ADDRESS 0x21000000)  # memory in the place of a microphone
default(SER_UART_ADDRESS 0x40004000)
default(SER_TIMER_ADDRESS 0x40000000)
default(SER_TICKS_PER_MICROSECOND 25)
default(SER_TICKS_SOURCE boards/emulated/arm/cmsdk_timer.c)

set(arm ${CMAKE_CURRENT_SOURCE_DIR}/boards/emulated/arm)

function(add_board_executable name stack_bytes heap_bytes)
  add_executable(${name} ${ARGN} ${arm}/startup.c)
  target_include_directories(${name} PRIVATE ${arm} boards/emulated)
  target_link_options(${name} PRIVATE
    -Wl,--defsym=FLASH_ORIGIN=${SER_FLASH_ORIGIN},--defsym=FLASH_LENGTH=${SER_FLASH_LENGTH}
    -Wl,--defsym=RAM_ORIGIN=${SER_RAM_ORIGIN},--defsym=RAM_LENGTH=${SER_RAM_LENGTH}
    -Wl,--defsym=STACK_BYTES=${stack_bytes},--defsym=HEAP_BYTES=${heap_bytes}
    $<$<STREQUAL:${SER_MODEL},apart>:-Wl,--section-start=.ser_model=${SER_MODEL_ORIGIN}>
    -T${arm}/linker.ld -Wl,-Map=${CMAKE_CURRENT_BINARY_DIR}/${name}.map -Wl,--print-memory-usage)
  set_target_properties(${name} PROPERTIES SUFFIX .elf LINK_DEPENDS ${arm}/linker.ld)
endfunction()

function(add_emulated_executable name)
  add_board_executable(${name} 16384 16384 ${ARGN} ${arm}/semihosting.c)
  target_link_options(${name} PRIVATE --specs=rdimon.specs)
endfunction()

add_board_executable(ser_firmware 4096 0 boards/emulated/firmware.c ${arm}/device.c)
target_link_libraries(ser_firmware PRIVATE ser_app)
if(SER_ENGINE STREQUAL tflm)
  target_link_options(ser_firmware PRIVATE --specs=nosys.specs)  # TFLM's library refers to exit and heap, and uses neither
endif()
target_compile_definitions(ser_firmware PRIVATE
  SER_RECORDING_ADDRESS=${SER_RECORDING_ADDRESS}u SER_UART_ADDRESS=${SER_UART_ADDRESS}u)

set_source_files_properties(${SER_TICKS_SOURCE} PROPERTIES COMPILE_DEFINITIONS SER_TIMER_ADDRESS=${SER_TIMER_ADDRESS}u)
include(boards/emulated/programs.cmake)
