#!/bin/sh
# Installs the Debian packages that the project needs beside Python: compilers for this machine, for Cortex-M and for RISC-V,
# emulators of both, CMake, clang (for the fuzzers), and Python's venv module. Where they can't be installed it says what is
# skipped without them, and goes on: only Python itself is indispensable. With the word `test` it takes a browser and a compiler's
# cache, too.
set -eu
packages=""
skipped=""

need() { # PACKAGE, what is skipped without it
	packages="$packages $1"
	skipped="$skipped$1 is not installed: $2
"
}

has() { command -v "$1" >/dev/null 2>&1; }

has c++ && has cc || need g++ "the TFLM source is not compiled, the firmware not built for this machine, its tests are skipped"
has cmake || need cmake "the firmware is not built, its tests are skipped"
has clang || need clang "the fuzzers are not built"
if ! has clang || ! [ -e "$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a)" ]; then
	need libclang-rt-dev "the fuzzers are not built"
fi
has qemu-system-arm || need qemu-system-arm "no firmware runs on the emulated Arm boards"
has arm-none-eabi-gcc || need gcc-arm-none-eabi "no firmware is built for a Cortex-M"
case "$(arm-none-eabi-gcc -print-file-name=rdimon.specs 2>/dev/null || true)" in
	/*) ;;
	*) need libnewlib-arm-none-eabi "no firmware is built for a Cortex-M" ;;
esac
case "$(arm-none-eabi-g++ -print-file-name=libstdc++.a 2>/dev/null || true)" in
	/*) ;;
	*) need libstdc++-arm-none-eabi-newlib "nothing of C++'s library is compiled for a Cortex-M: TFLM behind the engine's header" ;;
esac
has qemu-system-riscv32 || need qemu-system-misc "no firmware runs on the emulated RISC-V board"
has riscv64-unknown-elf-gcc || need gcc-riscv64-unknown-elf "no firmware is built for RISC-V"
[ -e /usr/lib/picolibc/riscv64-unknown-elf ] || need picolibc-riscv64-unknown-elf "no firmware is built for RISC-V"
[ "${1:-}" != test ] || has chromium || need chromium "the report is not tried in a browser"
[ "${1:-}" != test ] || has ccache || need ccache "what several tests build is compiled for each of them"
[ "${1:-}" != test ] || has zsh || need zsh "its completion is not tried"
venv=""
"${PYTHON:-python3}" -c "import ensurepip, venv" 2>/dev/null || venv=python3-venv
[ -n "$packages$venv" ] || exit 0

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif has sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
		sudo "$@"
	else
		return 1
	fi
}

install_all() {
	has apt-get && as_root apt-get update -qq &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages $venv
}

if ! install_all; then
	[ -z "$venv" ] || { echo "error: Python's venv module is missing; as root: apt-get install $venv" >&2; exit 1; }
	printf 'these packages could not be installed (as root: apt-get install%s):\n%s' "$packages" "$skipped" >&2
fi
