# Arm's AN386 on an MPS2 board: a Cortex-M4 with its FPU. An nRF52840 has the same.
include(boards/emulated/arm/programs.cmake)
