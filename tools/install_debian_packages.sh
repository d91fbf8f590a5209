#!/bin/sh
# Installs the Debian packages that the project needs beside Python: compilers for this machine and for a Cortex-M4, an
# emulator of one, CMake, clang (for the fuzzers), and Python's venv module.
set -eu
missing=""
command -v c++ >/dev/null || missing="$missing g++"
"${PYTHON:-python3}" -c "import ensurepip, venv" 2>/dev/null || missing="$missing python3-venv"
for package in cmake clang qemu-system-arm; do
	command -v "$package" >/dev/null || missing="$missing $package"
done
command -v arm-none-eabi-gcc >/dev/null || missing="$missing gcc-arm-none-eabi"
case "$(arm-none-eabi-gcc -print-file-name=rdimon.specs 2>/dev/null || true)" in
	/*) ;;
	*) missing="$missing libnewlib-arm-none-eabi" ;;
esac
[ -e "$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null || true)" ] || missing="$missing libclang-rt-dev"
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
