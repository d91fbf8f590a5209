# Arm's AN500 on an MPS2 board: a Cortex-M7.
set(SER_RECORDING_ADDRESS 0x60000000)
include(boards/emulated/arm/programs.cmake)
