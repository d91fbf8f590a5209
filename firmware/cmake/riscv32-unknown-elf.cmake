# Debian's gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf, for a board whose toolchain.cmake has set SER_PROCESSOR_FLAGS.

set(CMAKE_SYSTEM_NAME Generic)
find_program(RISCV_GCC riscv64-unknown-elf-gcc)
if(NOT RISCV_GCC)
  message(FATAL_ERROR " riscv64-unknown-elf-gcc is not here: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf")
endif()
set(CMAKE_C_COMPILER ${RISCV_GCC})
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_C_FLAGS_INIT "${SER_PROCESSOR_FLAGS} --specs=picolibc.specs -ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--gc-sections")
