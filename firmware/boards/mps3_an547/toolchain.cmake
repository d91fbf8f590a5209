set(CMAKE_SYSTEM_PROCESSOR cortex-m55)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard")
set(SER_TFLM_TARGET "cortex_m_generic_cortex-m55")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
