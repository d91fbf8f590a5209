# The library `cmsis_dsp`: the complex float32 FFT of Arm's CMSIS-DSP, from the source distribution of the package `cmsisdsp`.
#
#   CMSIS_DSP_DIR   folder with CMSIS_DSP_FILES; where it is not given, pip fetches them into the build tree

set(CMSIS_DSP_VERSION 1.10.3)
set(CMSIS_DSP_SHA256 307d32298faa7c58db912851027fce35f886fec7eb1a27c4b309ce1a97f47519)

set(CMSIS_DSP_SOURCES
  Source/CommonTables/arm_common_tables.c
  Source/TransformFunctions/arm_bitreversal2.c
  Source/TransformFunctions/arm_cfft_f32.c
  Source/TransformFunctions/arm_cfft_radix8_f32.c)
# All that is needed of the distribution.
set(CMSIS_DSP_FILES
  LICENSE
  ${CMSIS_DSP_SOURCES}
  Include/arm_common_tables.h
  Include/arm_math_memory.h
  Include/arm_math_types.h
  Include/dsp/basic_math_functions.h
  Include/dsp/complex_math_functions.h
  Include/dsp/fast_math_functions.h
  Include/dsp/none.h
  Include/dsp/transform_functions.h
  Include/dsp/utils.h
  PrivateInclude/arm_compiler_specific.h)

# Unpacks CMSIS_DSP_FILES into `folder`. pip needs numpy and setuptools beside it, to ask the distribution for its name.
function(fetch_cmsis_dsp folder)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(download ${CMAKE_CURRENT_BINARY_DIR}/cmsis_dsp_download)
  file(WRITE ${download}/requirements.txt "cmsisdsp==${CMSIS_DSP_VERSION} --hash=sha256:${CMSIS_DSP_SHA256}\n")
  execute_process(
    COMMAND ${Python3_EXECUTABLE} -m pip download -qq --disable-pip-version-check --no-deps --no-binary :all:
      --no-build-isolation --require-hashes --requirement ${download}/requirements.txt --dest ${download}
    RESULT_VARIABLE status
    ERROR_VARIABLE errors)
  if(NOT status EQUAL 0)
    string(REGEX REPLACE "[ \n]+" " " errors "${errors}")
    message(FATAL_ERROR " ${Python3_EXECUTABLE} can't fetch cmsisdsp ${CMSIS_DSP_VERSION}; set Python3_EXECUTABLE to a Python with "
      "pip, numpy and setuptools, or CMSIS_DSP_DIR to an unpacked cmsisdsp-${CMSIS_DSP_VERSION}: ${errors}")
  endif()
  file(ARCHIVE_EXTRACT INPUT ${download}/cmsisdsp-${CMSIS_DSP_VERSION}.tar.gz DESTINATION ${download})
  foreach(file IN LISTS CMSIS_DSP_FILES)
    get_filename_component(parent ${download}/picked/${file} DIRECTORY)
    file(COPY ${download}/cmsisdsp-${CMSIS_DSP_VERSION}/${file} DESTINATION ${parent})
  endforeach()
  file(RENAME ${download}/picked ${folder})
  file(REMOVE_RECURSE ${download})
endfunction()

if(NOT DEFINED CMSIS_DSP_DIR)
  set(CMSIS_DSP_DIR "" CACHE PATH "Unpacked cmsisdsp-${CMSIS_DSP_VERSION}; empty: pip fetches it")
endif()
if(CMSIS_DSP_DIR)
  set(cmsis_dsp_folder ${CMSIS_DSP_DIR})
else()
  set(cmsis_dsp_folder ${CMAKE_CURRENT_BINARY_DIR}/cmsisdsp-${CMSIS_DSP_VERSION})
  if(NOT EXISTS ${cmsis_dsp_folder})
    fetch_cmsis_dsp(${cmsis_dsp_folder})
  endif()
endif()
foreach(file IN LISTS CMSIS_DSP_FILES)
  if(NOT EXISTS ${cmsis_dsp_folder}/${file})
    message(FATAL_ERROR " ${cmsis_dsp_folder} has no ${file}: CMSIS_DSP_DIR is not an unpacked cmsisdsp-${CMSIS_DSP_VERSION}")
  endif()
endforeach()

list(TRANSFORM CMSIS_DSP_SOURCES PREPEND ${cmsis_dsp_folder}/ OUTPUT_VARIABLE cmsis_dsp_sources)
add_library(cmsis_dsp STATIC ${cmsis_dsp_sources})
target_include_directories(cmsis_dsp SYSTEM PUBLIC ${cmsis_dsp_folder}/Include PRIVATE ${cmsis_dsp_folder}/PrivateInclude)
# Without CMSIS-Core, which knows only Arm's processors, and without its code for Helium, which needs CMSIS-Core.
target_compile_definitions(cmsis_dsp PUBLIC __GNUC_PYTHON__ ARM_MATH_AUTOVECTORIZE)
# Sections let the linker drop the tables of other lengths. GCC 12 at -Os spills less of a butterfly than at -O2: 64 instead of 68
# thousand instructions a transform of 1,024 points on a Cortex-M4.
target_compile_options(cmsis_dsp PRIVATE -w -Os -ffunction-sections -fdata-sections)
# No fused multiply-add, here and where it is used: the same bits on every processor.
if(NOT SER_FP_CONTRACT)
  set(SER_FP_CONTRACT off)
endif()
target_compile_options(cmsis_dsp PUBLIC -ffp-contract=${SER_FP_CONTRACT})
