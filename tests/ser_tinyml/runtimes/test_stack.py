"""The most that a program's stack can take: along its deepest call, or a sentence that says why there is no bound."""

import subprocess

import pytest

from schemas.errors import UserError
from ser_tinyml.runtimes.stack import Stack

pytestmark = pytest.mark.needs("arm-none-eabi-gcc")

CHAIN = """
#include <string.h>
void use(volatile char *bytes);
__attribute__((noinline)) void use(volatile char *bytes) { bytes[0] = 1; }
static __attribute__((noinline)) void shallow(void) { volatile char bytes[40]; use(bytes); }
static __attribute__((noinline)) void deep(void) { volatile char bytes[400]; use(bytes); }
void enter(int which);
void enter(int which) { if (which) deep(); else shallow(); }
"""


def link(folder, source: str, *flags: str) -> Stack:
    """Compiles and links as CMake does: objects are named x.c.obj."""
    (folder / "x.c").write_text(
        source + "\nint main(int n, char **v) { (void)v; enter(n); return n; }\nvoid _start(void) {}\n"
    )
    compile_it = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-fcallgraph-info=su", *(flags or ("-O2",))]
    subprocess.run([*compile_it, "-c", "x.c", "-o", "x.c.obj"], cwd=folder, check=True)
    libraries = ["-nostartfiles", "--specs=nosys.specs", "-Wl,-Map=x.map"]
    subprocess.run([*compile_it, "x.c.obj", "-o", "x.elf", *libraries], cwd=folder, check=True, capture_output=True)
    return Stack.of_build(folder, "x")


def test_bound_is_that_of_the_deepest_calls(tmp_path):
    stack = link(tmp_path, CHAIN)
    assert 400 <= stack.bound("deep") <= 400 + 24
    assert (
        stack.bound("enter") == stack.bound("deep") + stack.bound("enter") - stack.bound("deep") >= stack.bound("deep")
    )
    assert 40 <= stack.bound("shallow") < 400
    assert stack.bound("use") == 0 or stack.bound("use") == 8


def test_a_function_of_assembly_and_those_of_libraries_take_what_they_push(tmp_path):
    naked = '__attribute__((naked)) void pushes(void) { __asm__("push {r4-r11, lr}\\n vpush {d8-d11}\\n pop {pc}"); }'
    source = f"#include <stdlib.h>\nvoid pushes(void); {naked}\nvoid enter(int n);\n" + (
        "static int compare(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }\n"
        "void enter(int n) { char bytes[64] = {(char)n}; pushes(); qsort(bytes, 64, 1, compare); }"
    )
    stack = link(tmp_path, source, "-O2", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
    assert stack.bound("pushes") == 9 * 4 + 4 * 8
    with pytest.raises(UserError, match="no bound: qsort calls a function by a pointer"):
        stack.bound("enter")


RECURSION = """
int other(int n);
__attribute__((noinline)) static int deeper(int n) { return n ? 3 * other(n - 1) : 1; }
__attribute__((noinline)) int other(int n) { return deeper(n) * n; }
int enter(int n);
int enter(int n) { return other(n); }
"""
POINTER = "void (*volatile pointer)(int); void enter(int n); void enter(int n) { pointer(n); pointer(n); }"


@pytest.mark.parametrize(
    ("source", "entry", "message"),
    [
        (RECURSION, "other", "no bound: other calls deeper calls other"),
        (POINTER, "enter", "no bound: enter calls a function by a pointer"),
    ],
)
def test_recursion_and_calls_by_a_pointer_have_no_bound(tmp_path, source, entry, message):
    stack = link(tmp_path, source)
    with pytest.raises(UserError, match=message):
        stack.bound(entry)


def test_a_frame_that_depends_on_an_argument_has_no_bound(tmp_path):
    source = "#include <alloca.h>\nvoid enter(int n); void enter(int n) { volatile char *a = alloca((unsigned)n); a[0] = 1; }"
    with pytest.raises(UserError, match="no bound: that of enter depends on what it is called with"):
        link(tmp_path, source)


def test_a_function_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="nothing is known of absent"):
        link(tmp_path, CHAIN).bound("absent")
