# QEMU's `virt` machine: RV32IMAC, without an FPU, as an ESP32-C3's or -C6's core is. Its programs are picolibc's, which starts them.
set(SER_TICKS_SOURCE boards/virt_rv32/cycles.c)
set(SER_TICKS_PER_MICROSECOND 1000)

function(add_emulated_executable name)
  add_executable(${name} ${ARGN} boards/virt_rv32/hosted.c)
  target_include_directories(${name} PRIVATE boards/emulated)
  target_link_options(${name} PRIVATE -Tpicolibc.ld --crt0=semihost --oslib=semihost -Wl,--wrap=main
    -Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=1M,--defsym=__ram=0x80200000,--defsym=__ram_size=256K
    -Wl,--defsym=__stack_size=16K,--defsym=__stack_top=__stack,--defsym=__stack_limit=__heap_end)
  set_target_properties(${name} PROPERTIES SUFFIX .elf)
endfunction()

include(boards/emulated/programs.cmake)
