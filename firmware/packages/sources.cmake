# What a package of the bundle compiles, for build systems with CMake of their own: ser_sources, ser_includes, ser_private_includes.

get_filename_component(bundle ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
file(GLOB ser_sources ${bundle}/app/*.c ${bundle}/frontend/*.c ${bundle}/third_party/cmsis_dsp/Source/*/*.c)
list(APPEND ser_sources ${bundle}/engine/ser_kernels.c ${bundle}/generated/ser_model.c)
set(ser_includes ${bundle}/app ${bundle}/frontend ${bundle}/engine ${bundle}/generated)
set(ser_private_includes ${bundle}/third_party/cmsis_dsp/Include ${bundle}/third_party/cmsis_dsp/PrivateInclude)
# No fused multiply-add: the same bits on every processor.
set(ser_options -ffp-contract=off)
