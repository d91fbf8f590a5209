set(CMAKE_SYSTEM_PROCESSOR cortex-m3)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m3 -mthumb -mfloat-abi=soft")
set(SER_BOARD_FRONTEND fixed)  # there is no FPU
set(SER_TFLM_TARGET "cortex_m_generic_cortex-m3")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
