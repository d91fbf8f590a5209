# Arm's AN547 on an MPS3 board: a Cortex-M55 with Helium. It stays in the secure state, and uses the addresses of that.
set(SER_FLASH_ORIGIN 0x10000000)
set(SER_FLASH_LENGTH 512K)
set(SER_RAM_ORIGIN 0x30000000)
set(SER_RECORDING_ADDRESS 0x70000000)
set(SER_UART_ADDRESS 0x59303000)
set(SER_TICKS_PER_MICROSECOND 32)
set(SER_TICKS_SOURCE boards/mps3_an547/sse_counter.c)
include(boards/emulated/arm/programs.cmake)
