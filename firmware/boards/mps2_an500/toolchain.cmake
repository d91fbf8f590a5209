set(CMAKE_SYSTEM_PROCESSOR cortex-m7)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16")
set(SER_TFLM_TARGET "cortex_m_generic_cortex-m7[+]fp")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
