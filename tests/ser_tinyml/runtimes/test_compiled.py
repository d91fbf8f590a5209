"""C libraries that are compiled once, and kept."""

import pytest

from schemas.errors import UserError
from ser_tinyml.runtimes.compiled import load_compiled

pytestmark = pytest.mark.needs("cc")
COUNTER = {"counter.c": b'#include "step.h"\nint count(void) { static int n; return n += STEP; }\n'}
BY_ONE, BY_TWO = (COUNTER | {"step.h": f"#define STEP {step}\n".encode()} for step in (1, 2))


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ser-tinyml" / "compiled"


def test_what_was_compiled_once_is_taken_from_the_cache(cache):
    load_compiled(BY_ONE)
    (kept,) = cache.iterdir()
    state = kept.stat()
    assert load_compiled(BY_ONE).count() == 1
    assert [path.stat() for path in cache.iterdir()] == [state]


def test_each_call_has_variables_of_its_own(cache):
    one, other = load_compiled(BY_ONE), load_compiled(BY_ONE)
    assert [one.count(), one.count(), other.count()] == [1, 2, 1]


def test_other_sources_or_flags_are_another_library(cache):
    assert load_compiled(BY_ONE).count() == 1 and load_compiled(BY_TWO).count() == 2
    load_compiled(BY_ONE, ("-O0",))
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize(
    "damage", [lambda kept: kept[:-100], lambda kept: b"", lambda kept: kept[:500] + b"x" + kept[501:]]
)
def test_a_damaged_library_is_compiled_anew(cache, damage):
    load_compiled(BY_ONE)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert load_compiled(BY_ONE).count() == 1
    assert kept.read_bytes() == whole


def test_a_cache_that_can_not_be_written_is_done_without(cache):
    cache.parent.mkdir()
    cache.write_text("a file in its place")
    assert load_compiled(BY_ONE).count() == 1


def test_what_does_not_compile_is_one_sentence(cache):
    with pytest.raises(UserError, match=r"^the C compiler ended with code 1: x\.c:1:\d+: error: ") as error:
        load_compiled({"x.c": b"int f(void) { return nothing; }"})
    assert "\n" not in str(error.value) and not list(cache.glob("*"))
