import pathlib
from collections.abc import Callable

import pytest

from schemas.run_files import ManifestSummary
from ser_tinyml.store import run_files


@pytest.fixture(scope="session")
def write_summary() -> Callable[..., ManifestSummary]:
    """Writes how clips were divided beside their manifest, as example_gen does, and returns it."""

    def write(manifest: str | pathlib.Path, *, protocol: str = "speaker", fraction: float = 0.25) -> ManifestSummary:
        counts = {"files": 0, "clips": 0, "excluded": {}, "quarantined": {}, "speakers": {}}
        fractions = {"validation_fraction": fraction, "test_fraction": fraction}
        summary = ManifestSummary(**counts, **fractions, protocol=protocol, fold="", salt=0, synthetic=False)
        run_files.write(summary, str(pathlib.Path(manifest).parent))
        return summary

    return write
