# Finds TensorFlow Lite Micro's library for the board's core: TFLM_LIBRARY.
#
# TFLM's own build makes it, and names its folder by what it built for, as gen/cortex_m_generic_cortex-m4+fp_default_gcc or
# gen/cortex_m_generic_cortex-m4+fp_default_cmsis_nn_gcc. A board's toolchain says which core that is: SER_TFLM_TARGET.

enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)

include(CheckIncludeFileCXX)
check_include_file_cxx(cstddef HAS_CXX_LIBRARY)
if(NOT HAS_CXX_LIBRARY)
  fail("${CMAKE_CXX_COMPILER} has no library for C++, which TFLM needs: apt-get install libstdc++-arm-none-eabi-newlib")
endif()

if(NOT SER_TFLM_TARGET)
  set(SER_TFLM_TARGET "(linux|osx|windows)_[^/]*")  # this machine
endif()
if(NOT TFLM_LIBRARY AND TFLM_ROOT)
  file(GLOB_RECURSE tflm_libraries ${TFLM_ROOT}/libtensorflow-microlite.a)
  list(FILTER tflm_libraries INCLUDE REGEX "/${SER_TFLM_TARGET}_[^/]*/(lib/)?libtensorflow-microlite.a$")
  list(SORT tflm_libraries)
  list(LENGTH tflm_libraries n_libraries)
  if(n_libraries GREATER 0)
    list(GET tflm_libraries 0 TFLM_LIBRARY)
  endif()
  if(n_libraries GREATER 1)
    list(JOIN tflm_libraries ", " found)
    message(STATUS "TFLM has been built more than once for this core (TFLM_LIBRARY chooses): ${found}")
  endif()
endif()
if(NOT TFLM_LIBRARY)
  fail("SER_ENGINE=tflm needs TFLM_ROOT ('${TFLM_ROOT}'): a tree of TensorFlow Lite Micro where its own build "
    "(`make -f tensorflow/lite/micro/tools/make/Makefile microlite`) has left library and headers for ${SER_BOARD}, in a folder "
    "like ${SER_TFLM_TARGET}_*. That build needs Pillow, and where Pigweed can't be downloaded an empty folder "
    "tensorflow/lite/micro/tools/make/downloads/pigweed")
endif()
message(STATUS "TFLM: ${TFLM_LIBRARY}")
