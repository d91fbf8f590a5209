# The bundle as a component of ESP-IDF.
include(${CMAKE_CURRENT_LIST_DIR}/../sources.cmake)
idf_component_register(SRCS ${ser_sources} INCLUDE_DIRS ${ser_includes} PRIV_INCLUDE_DIRS ${ser_private_includes})
target_compile_options(${COMPONENT_LIB} PRIVATE ${ser_options})
