# Arm's AN385 on an MPS2 board: a Cortex-M3, without an FPU and without SIMD.
include(boards/emulated/arm/programs.cmake)
