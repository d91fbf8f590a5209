set(CMAKE_SYSTEM_PROCESSOR cortex-m33)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m33 -mthumb -mfloat-abi=hard")
set(SER_TFLM_TARGET "cortex_m_generic_cortex-m33")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
