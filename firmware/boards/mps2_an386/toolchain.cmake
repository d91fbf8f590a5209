set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(SER_PROCESSOR_FLAGS "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16")
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/arm-none-eabi.cmake)
