"""The page of the Python API."""

import re

from tools.api import PAGE, make_page


def test_the_page_is_what_the_docstrings_say():
    """Where it is not, `python tools/api.py` writes it anew."""
    assert PAGE.read_text() == make_page()


def test_it_has_all_that_is_public_with_arguments_and_errors():
    page = make_page()
    titles = re.findall(r"^##+ `?([\w.]+)", page, re.MULTILINE)
    assert {"ser_tinyml.load", "Model.predict_file", "Model.stream", "Stream.feed", "Prediction.label"} <= set(titles)
    assert "- `rate`: of the samples, in Hz." in page and "- `UserError`: the samples are no sound" in page
