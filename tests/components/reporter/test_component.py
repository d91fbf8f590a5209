import dataclasses
import re

from schemas.run_files import Dataset, Evaluation, ManifestSummary
from ser_tinyml.report import page
from ser_tinyml.store import run_files


def test_page_is_self_contained_and_marked_as_synthetic(demo_root):
    page = (demo_root / "report/index.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "Synthetic speech" in page


def test_page_has_every_section(demo_root):
    page = (demo_root / "report/index.html").read_text()
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Models",
        "Gates",
        "Firmware",
        "Confusion matrices",
        "Classes",
        "Corpora and speakers, int8",
        "Training",
        "Data",
        "One recording of each emotion",
        "A training clip and its augmented copies",
        "Weights of the first layer",
    ]
    confusions, curves, emotions, copies, weights = 5, 1, 6, 1, 1
    assert page.count("data:image/png;base64,") == confusions + curves + emotions + copies + weights


def test_the_leaking_protocol_is_named(demo_root):
    evaluation = dataclasses.replace(
        run_files.read(Evaluation, str(demo_root / "evaluation")), protocol="shared_clips", synthetic=False
    )
    shown = page.Page(
        evaluation=evaluation,
        board=None,
        training=None,
        summary=run_files.read(ManifestSummary, str(demo_root / "manifest")),
        dataset=run_files.read(Dataset, str(demo_root / "examples")),
        pictures=page.Pictures(confusions={}, curves=b"", recordings=[], copies=b"", weights=b""),
    )
    html = page.render_page(shown)
    assert "These figures leak" in html and "Synthetic" not in html
