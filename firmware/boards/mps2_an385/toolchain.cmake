set(CMAKE_SYSTEM_PROCESSOR cortex-m3)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m3 -mthumb -mfloat-abi=soft")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
