# Arm's AN505 on an MPS2 board: a Cortex-M33. It stays in the secure state, and uses the addresses of that.
set(SER_FLASH_ORIGIN 0x10000000)
set(SER_MODEL_ORIGIN 0x10080000)
set(SER_RAM_ORIGIN 0x38000000)
set(SER_RECORDING_ADDRESS 0x80000000)
set(SER_UART_ADDRESS 0x50200000)
set(SER_TIMER_ADDRESS 0x50000000)
set(SER_TICKS_PER_MICROSECOND 20)
include(boards/emulated/arm/programs.cmake)
