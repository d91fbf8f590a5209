# The Cortex-M4F of mps2_an386, compiled as Arduino's core for the Nano 33 BLE compiles: for size, floats in integer registers between
# functions, fused multiply-adds allowed.
include(boards/emulated/arm/programs.cmake)
