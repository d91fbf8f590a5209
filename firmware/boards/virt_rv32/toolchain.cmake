set(CMAKE_SYSTEM_PROCESSOR rv32imac)
set(SER_PROCESSOR_FLAGS "-march=rv32imac -mabi=ilp32 -mcmodel=medany")
set(SER_BOARD_FRONTEND fixed)  # there is no FPU
set(SER_TFLM_TARGET "riscv32_generic[^/]*")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/riscv32-unknown-elf.cmake)
