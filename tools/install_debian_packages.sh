#!/bin/sh
# Installs the Debian packages that the project needs beside Python: compilers for this machine and for a Cortex-M4, an
# emulator of one, CMake, clang (for the fuzzers), and Python's venv module.
set -eu
missing=""
command -v c++ >/dev/null || missing="$missing g++"
"${PYTHON:-python3}" -c "import ensurepip, venv" 2>/dev/null || missing="$missing python3-venv"
command -v cmake >/dev/null || missing="$missing cmake"
command -v clang >/dev/null || missing="$missing clang"
[ -n "$(find /usr/lib/llvm-*/lib/clang -name 'libclang_rt.fuzzer-*.a' 2>/dev/null | head -n 1)" ] || missing="$missing libclang-rt-14-dev"
command -v arm-none-eabi-gcc >/dev/null || missing="$missing gcc-arm-none-eabi"
echo '#include <stdint.h>' | arm-none-eabi-gcc -x c -E - >/dev/null 2>&1 && [ -n "$(find /usr/lib/arm-none-eabi -name 'rdimon.specs' 2>/dev/null | head -n 1)" ] || missing="$missing libnewlib-arm-none-eabi"
command -v qemu-system-arm >/dev/null || missing="$missing qemu-system-arm"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "error: please install:$missing (this script knows only Debian's apt-get)" >&2
	exit 1
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "error: please install as root: apt-get install$missing" >&2; exit 1; }
	sudo=sudo
fi
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends $missing
