set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16")
set(SER_TFLM_TARGET "cortex_m_generic_cortex-m4[+]fp")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
