"""How far work has come, for whoever waits for it: a bar on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Value = TypeVar("Value")

_QUIET_SECONDS = 2.0  # on a terminal; work that is done by then shows nothing
_LINE_SECONDS = 30.0  # from one line to the next where there is no terminal


class _Progress:
    """Counts what is done, and shows it on standard error."""

    def __init__(self, unit: str, total: int):
        self._unit, self._total, self._done = unit, total, 0
        self._begin = self._told = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            import tqdm  # here, since nothing else needs it

            self._bar = tqdm.tqdm(
                total=total, unit=f" {unit}", delay=_QUIET_SECONDS, leave=False, dynamic_ncols=True, file=sys.stderr
            )

    def advance(self, count: int) -> None:
        """Counts, and shows what is due."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif (now := time.monotonic()) - self._told >= _LINE_SECONDS:
            self._told = now
            rate = self._done / (now - self._begin)
            left = (self._total - self._done) / rate
            print(
                f"{self._done} of {self._total} {self._unit}, {rate:.3g} a second, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    def tell(self, line: str) -> None:
        """Prints a line, above the bar where there is one."""
        if self._bar is not None and time.monotonic() - self._begin >= _QUIET_SECONDS:
            self._bar.write(line, file=sys.stdout)
            sys.stdout.flush()
        else:
            print(line, flush=True)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()


_shown: list[_Progress] = []  # the last is what `advance` counts for


@contextlib.contextmanager
def shown(unit: str, total: int) -> Iterator[None]:
    """Shows how many of `total` are done while the body runs, as it tells by `advance`.

    Args:
      unit: what is counted, in the plural.
      total: how many there are to do.
    """
    _shown.append(_Progress(unit, total))
    try:
        yield
    finally:
        _shown.pop().close()


def track(values: Iterable[Value], unit: str, total: int) -> Iterator[Value]:
    """Yields values, and shows how many of `total` are dealt with."""
    with shown(unit, total):
        for value in values:
            yield value
            advance()


def tell(line: str) -> None:
    """Prints a line to standard output, beside what is shown."""
    if _shown:
        _shown[-1].tell(line)
    else:
        print(line, flush=True)


def advance(count: int = 1) -> None:
    """Tells that so many more are done; does nothing where nobody shows it, as in a worker's own process."""
    if _shown:
        _shown[-1].advance(count)
