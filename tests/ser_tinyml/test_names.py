"""Names that a user chooses stay what they are in every text that is generated: labels, layers, speakers and corpora."""

import ctypes
import dataclasses
import html.parser
import json
import string
import subprocess

import hypothesis
import markdown_it
import pytest
from hypothesis import strategies

from schemas.classes import LONGEST_LABEL, parse_labels
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Board, Dataset, Evaluation, Export, ManifestSummary
from ser_tinyml.codegen.generated import read_define
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.report.listening import Heard
from ser_tinyml.report.model_card import render_card
from ser_tinyml.report.page import Page, Pictures, render_page
from ser_tinyml.store import run_files
from tests.firmware.conftest import FIRMWARE, STRICT
from tests.firmware.random_models import make_small_model
from tests.firmware.test_app import Decision

N_LABELS = 4  # of the demo's model, whose documents the labels are put into
FRONT_END = FrontEnd()
MODEL = make_small_model(FRONT_END, N_LABELS)
HOSTILE = [
    '"', "\\", '\\"', "*/", "/* */", "//", "</script>", "<b>", "&amp;", "&#60;", "{{ 1 }}", "{% if %}", "%n%s", "??/", "??)",
    '"; rm -rf', "$(reboot)", "`id`", "| a |", "\\|", "_a_", "**a**", "[a](b)", "![a](b)", "# a", "- a", "---", "1. a",
    "$x^$", "$\\frac$", "=1+1", "www.a.org", "http://a.org", "Überraschung", "驚き", "😮", "e\u0301", "0", "\\x41", "\\101a",
]  # fmt: skip

printable = strategies.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=",")
labels_of_a_model = strategies.lists(
    strategies.one_of(strategies.sampled_from(HOSTILE), strategies.text(printable, min_size=1, max_size=LONGEST_LABEL)),
    min_size=N_LABELS,
    max_size=N_LABELS,
    unique=True,
).filter(lambda labels: all(map(str.isprintable, labels)))
few = hypothesis.settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)


@few
@hypothesis.given(labels_of_a_model)
def test_every_printable_label_is_accepted_as_it_is(labels):
    assert parse_labels("model_labels", ",".join(labels)) == tuple(labels)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "label 1 is empty"),
        ("a,,b", "label 2 is empty"),
        ("a,b,a", "label 3 is there twice: 'a'"),
        ("a, b", "label 2 begins or ends with a blank: ' b'"),
        ("a," + "b" * 66, "label 2 has 66 characters, at most 64 are allowed"),
        ("a" * 5000, "label 1 has 5,000 characters, at most 64 are allowed"),
        *((f"a,b{character}c", "label 2 has a character that can't be printed: ") for character in "\n\r\t\0\x1b\x7f\x85"),
        *((f"a,b{character}c", "label 2 has a character that can't be printed: ") for character in "\u2028\u202e\ud800"),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused_in_one_sentence(text, complaint):
    with pytest.raises(UserError) as refused:
        parse_labels("model_labels", text)
    assert str(refused.value).startswith(f"--model_labels: {complaint}")
    assert str(refused.value).isprintable() and len(str(refused.value)) < 100


@few
@hypothesis.given(labels_of_a_model, strategies.one_of(strategies.sampled_from(HOSTILE), strategies.text()))
def test_c_has_the_labels_whatever_a_layer_is_called(tmp_path_factory, labels, layer):
    """And the app's line of JSON has them, which fits the buffer that the boards give it."""
    folder = tmp_path_factory.mktemp("c")
    interface = ModelInterface(tuple(labels), FRONT_END, Standardisation.identity(FRONT_END.n_mfcc))
    graph = read_graph(MODEL).with_lstm_names([layer])
    for name, content in make_sources(MODEL, interface, graph).items():
        (folder / name).write_bytes(content)
    app = [FIRMWARE / "app" / name for name in ("ser_json.c", "ser_text.c")]
    sources = [folder / "ser_model.c", *app, FIRMWARE / "engine/ser_kernels.c"]
    command = ["cc", *STRICT, "-trigraphs", "-shared", "-fPIC", f"-I{folder}", f"-I{FIRMWARE / 'engine'}", *sources]
    subprocess.run([*command, "-o", folder / "model.so"], check=True)
    library = ctypes.CDLL(str(folder / "model.so"))
    in_c = (ctypes.c_char_p * N_LABELS).in_dll(library, "ser_labels")
    assert [text.decode() for text in in_c] == labels
    longest = max(range(N_LABELS), key=lambda number: len(json.dumps(labels[number], ensure_ascii=False).encode()))
    probabilities = (ctypes.c_float * N_LABELS)(*[1.0] * N_LABELS)
    decision = Decision(longest, N_LABELS, in_c, probabilities, 2**32 - 1, -123.4, 2**32 - 1)
    label_bytes = read_define((folder / "ser_model.h").read_text(), "SER_LABEL_BYTES")
    buffer = ctypes.create_string_buffer(128 + (N_LABELS + 1) * (label_bytes + 16))
    assert library.ser_json_decision(ctypes.byref(decision), buffer, len(buffer)) > 0
    line = json.loads(buffer.value)
    assert (list(line["probabilities"]), line["class"]) == (labels, labels[longest])


class Elements(html.parser.HTMLParser):
    """The tags of a text, with the names of their attributes, and the text of each cell and paragraph."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        self.texts = [text.strip() for text in self.texts]

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *(name for name, _ in attributes)))
        self.texts.append("")

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}",))

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


def rename(evaluation: Evaluation, names: list[str]) -> Evaluation:
    """Returns the evaluation with these names in the place of its labels, and of its speakers and corpora, too."""
    models = {}
    for name, model in evaluation.models.items():
        of_label = dict(zip(names, model.per_class.values(), strict=True))
        score = next(iter(model.slices["speaker"].values()))
        of_name = dict.fromkeys(names, score)
        models[name] = dataclasses.replace(model, per_class=of_label, slices={"speaker": of_name, "corpus": of_name})
    return dataclasses.replace(evaluation, labels=tuple(names), models=models)


def make_page(root, names: list[str]) -> Elements:
    dataset = run_files.read(Dataset, str(root / "examples"))
    splits = {
        name: dataclasses.replace(split, labels=dict(zip(names, split.labels.values(), strict=True)))
        for name, split in dataset.splits.items()
    }
    page = Page(
        evaluation=rename(run_files.read(Evaluation, str(root / "evaluation")), names),
        board=run_files.read(Board, str(root / "board")),
        training=None,
        summary=run_files.read(ManifestSummary, str(root / "manifest")),
        dataset=dataclasses.replace(dataset, labels=tuple(names), splits=splits),
        exported=None,
        graph=None,
        grids=[],
        pictures=Pictures(b"", recordings=[(name, b"") for name in names], copies=b"", grids=b""),
        mistakes=[Heard(name, b"", b"") for name in names],
        disagreements=[],
        copies=[],
        predictions=[],
        lineage={},
    )
    return Elements(render_page(page))


def make_card(root, names: list[str]) -> Elements:
    card = render_card(
        dataclasses.replace(run_files.read(Export, str(root / "export")), labels=tuple(names)),
        run_files.read(Dataset, str(root / "examples")),
        evaluation=rename(run_files.read(Evaluation, str(root / "evaluation")), names),
        board=run_files.read(Board, str(root / "board")),
    )
    return Elements(markdown_it.MarkdownIt("commonmark").enable("table").render(card.split("---\n", 2)[2]))


@few
@hypothesis.given(labels_of_a_model)
@pytest.mark.parametrize("make", [make_page, make_card])
def test_page_and_card_show_names_as_text(demo_root, make, labels):
    plain_names = list(string.ascii_uppercase[:N_LABELS])
    plain, found = make(demo_root, plain_names), make(demo_root, labels)
    assert found.tags == plain.tags
    cells = {name: [n for n, text in enumerate(plain.texts) if text == name] for name in plain_names}
    for name, label in zip(plain_names, labels, strict=True):
        assert cells[name] and {found.texts[n] for n in cells[name]} == {label}


def test_card_lists_the_labels_in_its_first_sentences(demo_root):
    assert any(
        text.endswith(f"probabilities\nof {', '.join(HOSTILE[:4])}.")
        for text in make_card(demo_root, HOSTILE[:4]).texts
    )


@few
@hypothesis.given(labels_of_a_model)
def test_documents_keep_the_labels(demo_root, tmp_path, labels):
    export = dataclasses.replace(run_files.read(Export, str(demo_root / "export")), labels=tuple(labels))
    run_files.write(export, str(tmp_path))
    assert run_files.read(Export, str(tmp_path)) == export
