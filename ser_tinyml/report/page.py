"""The report's HTML: sections made of tables and embedded pictures."""

import base64
import html
from collections.abc import Iterable, Sequence

from schemas.classes import LABELS
from schemas.manifest import ManifestRow
from ser_tinyml.store import files

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .3rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #d5dde5; padding-bottom: .2rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #e4e9ee; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
thead th { background: #f3f6f9; }
.banner { padding: .6rem .9rem; border-left: 4px solid #c97a00; background: #fff5e3; margin: .7rem 0; }
.blessed { border-color: #2c7a3f; background: #e9f6ec; }
.failed { border-color: #b3261e; background: #fdeceb; }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; }
.tiles figure { flex: 1 1 300px; max-width: 345px; }
figure { margin: 0; } figcaption { font-size: .9rem; color: #51606f; }
img { max-width: 100%; }
.note { color: #51606f; font-size: .9rem; }
"""

_PROTOCOLS = {
    "disjoint_speakers": "Speakers of the held-out split are in no other split.",
    "shared_speakers": "Speakers are shared between the splits: these figures are higher than a new user's will be.",
    "notebook": "The original notebook's protocol: augmented copies of one clip are in the training and the test split. These "
    "figures leak, and are for comparison with its published ones only.",
    "model_from_elsewhere": "The model comes from elsewhere. If these clips or speakers were among what it was trained on, "
    "these figures leak.",
}

_MODEL_NAMES = {
    "keras": "Keras (float32 weights)",
    "float": "ser_float.tflite",
    "dynamic": "ser_dynamic.tflite",
    "int8": "ser_int8.tflite",
    "tflm": "ser_int8.tflite on TFLM's kernels",
    "fake_quantized": "Keras with int8's roundings, as it was fine-tuned",
}


def render(results: dict, sections: Sequence[str]) -> str:
    """The whole page."""
    banners = [
        _banner(_PROTOCOLS[results["protocol"]], "blessed" if results["protocol"] == "disjoint_speakers" else "")
    ]
    if results["synthetic"]:
        banners.insert(
            0, _banner("Synthetic speech: no person said this. The figures tell nothing of real speech.", "")
        )
    verdict = "The model is blessed." if results["blessed"] else "The model is not blessed: see the gates."
    banners.append(_banner(verdict, "blessed" if results["blessed"] else "failed"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Emotion from speech: report</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Emotion from speech</h1>\n{''.join(banners)}\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def models_section(results: dict) -> str:
    """A row an exported model."""
    rows = [
        (
            _MODEL_NAMES[name],
            f"{row['bytes']:,}",
            f"{row['accuracy']:.4f}",
            f"{row['macro_f1']:.4f}",
            f"{row['uar']:.4f}",
            f"{row['agreement']:.4f}",
            f"{row['calibration_error']:.3f}",
            f"{row['latency_ms']:.2f}",
        )
        for name, row in results["models"].items()
    ]
    head = (
        "model",
        "bytes",
        "accuracy",
        "macro-F1",
        "UAR",
        "agreement with Keras",
        "calibration error",
        "median latency, ms",
    )
    note = (
        "Latency is of single windows: TFLite and TFLM on one thread, Keras by `predict`. Calibration error: how far the "
        "probability of the class that is given is, on average, from how often that is right."
    )
    text = _table(head, rows) + _note(f"{results['examples']} held-out clips. {note}")
    if noisy := results["noisy"]:
        noisy_rows = [
            (_MODEL_NAMES[name], f"{row['accuracy']:.4f}", f"{row['macro_f1']:.4f}", f"{row['uar']:.4f}")
            for name, row in noisy["models"].items()
        ]
        text += "<p>The same clips with noise:</p>" + _table(("model", "accuracy", "macro-F1", "UAR"), noisy_rows)
    return _section("Models", text)


def gates_section(results: dict) -> str:
    """A row a gate, and how close TFLM comes to TFLite."""
    rows = [
        (
            g["name"],
            f"{g['value']:.4g} {g['unit']}",
            f"{g['bound']} {g['threshold']:.4g}",
            "passed" if g["passed"] else "failed",
        )
        for g in results["gates"]
    ]
    compared = results["tflm_against_int8"]
    note = (
        f"Of {compared['examples']} windows TFLM's kernels give {compared['same_class']} the class that TFLite's int8 gives, "
        f"{compared['identical_outputs']} the identical output; the largest difference is {compared['largest_difference']}/256."
    )
    return _section("Gates", _table(("gate", "value", "threshold", "verdict"), rows) + _note(note))


def board_section(board: dict) -> str:
    """The firmware on an emulated Cortex-M4F, of board.json."""
    if not board["validated"]:
        failed = [gate["name"] for gate in board["gates"] if not gate["passed"]]
        reasons = [*(f"failed: {name}" for name in failed), *board["skipped"]]
        return _section("Firmware", _banner("Not board-validated: " + "; ".join(reasons), "failed" if failed else ""))
    per_mac = board["instructions_engine"] / board["macs"]
    rows = [
        ("clips that get the class of Python's features", f"{board['agreement']:.4f} of {board['clips']}"),
        ("windows on which the engine gives TFLM's bits", f"{board['bit_exact_share']:.4f} of {board['windows']}"),
        ("flash, with the model", f"{board['flash_bytes']:,} bytes"),
        ("RAM, with stack and audio ring", f"{board['ram_bytes']:,} bytes"),
        ("flash of the engine, without weights", f"{board['engine_flash_bytes']:,} bytes"),
        ("RAM of the engine, with its stack", f"{board['engine_ram_bytes']:,} bytes"),
        ("instructions a window, front end", f"{board['instructions_frontend']:,}"),
        ("instructions a window, engine", f"{board['instructions_engine']:,} ({per_mac:.2f} a multiply-accumulate)"),
        *((f"estimated ms a window, {name}", f"{value}") for name, value in board["milliseconds"].items()),
    ]
    note = f"{board['board_clips']} clips on an emulated Cortex-M4F, all on a host build. Estimate: {board['assumptions']}."
    return _section("Firmware", _table(("", "measured"), rows) + _note(note))


def confusion_section(pictures: dict[str, bytes]) -> str:
    """A confusion matrix a model."""
    return _section("Confusion matrices", _tiles((_MODEL_NAMES[name], png) for name, png in pictures.items()))


def classes_section(results: dict) -> str:
    """Precision, recall and F1 by class, Keras beside int8."""
    rows = []
    for label in results["labels"]:
        scores = [results["models"][name]["per_class"][label] for name in ("keras", "int8")]
        cells = [f"{score[metric]:.3f}" for metric in ("precision", "recall", "f1") for score in scores]
        rows.append((label, str(scores[0]["examples"]), *cells))
    head = ("class", "examples", *(f"{m}, {n}" for m in ("precision", "recall", "F1") for n in ("Keras", "int8")))
    return _section("Classes", _table(head, rows))


def groups_section(results: dict) -> str:
    """The int8 model by corpus and by speaker."""
    head = ("", "examples", "accuracy", "macro-F1", "UAR")
    tables = ""
    for key, title in (("by_corpus", "corpus"), ("by_speaker", "speaker")):
        rows = [
            (name, str(row["examples"]), f"{row['accuracy']:.3f}", f"{row['macro_f1']:.3f}", f"{row['uar']:.3f}")
            for name, row in results["models"]["int8"][key].items()
        ]
        tables += _table((title, *head[1:]), rows)
    return _section("Corpora and speakers, int8", tables)


def training_section(curves: bytes, training_path: str) -> str:
    """Loss and accuracy curves, and what was trained with."""
    training = files.read_json(training_path)
    settings = ", ".join(f"{name} {value}" for name, value in training["parameters"].items())
    note = (
        f"{training['trainable_parameters']:,} parameters; weights of epoch {training['best_epoch']} kept "
        f"(validation UAR {training['best_validation_uar']:.4f}). {settings}."
    )
    return _section("Training", _image(curves, "loss and accuracy by epoch") + _note(note))


def data_section(summary: dict, statistics: dict) -> str:
    """Class counts by split, and what became of the files."""
    rows = [
        (split, str(counts["examples"]), *(str(counts["labels"][label]) for label in LABELS))
        for split, counts in statistics["splits"].items()
        if counts["examples"]
    ]
    counts = [("files found", summary["files"]), ("clips in the manifest", summary["manifest"])]
    counts += [(f"excluded: {reason}", count) for reason, count in summary["excluded"].items()]
    counts += [(f"quarantined by name or header: {reason}", count) for reason, count in summary["quarantined"].items()]
    counts += [("clips decoded", statistics["decoded"])]
    counts += [(f"quarantined at decoding: {reason}", count) for reason, count in statistics["quarantined"].items()]
    return _section(
        "Data",
        _table(("split", "examples", *LABELS), rows) + _table(("files", "count"), [(n, str(c)) for n, c in counts]),
    )


def audio_section(recordings: list[tuple[ManifestRow, bytes]]) -> str:
    """A waveform and a spectrogram an emotion."""
    tiles = ((f"{row.emotion} → {row.label} ({row.corpus}, speaker {row.speaker})", png) for row, png in recordings)
    return _section("One recording of each emotion", _tiles(tiles))


def augmentation_section(picture: bytes) -> str:
    """A clip beside its augmented copies."""
    return _section("A training clip and its augmented copies", _image(picture, "MFCCs of a clip's copies"))


def weights_section(picture: bytes) -> str:
    """Histograms of the first layer's weights."""
    return _section("Weights of the first layer", _image(picture, "histograms of the first layer's weights"))


def _section(title: str, body: str) -> str:
    return f"<h2>{html.escape(title)}</h2>\n{body}"


def _banner(text: str, kind: str) -> str:
    return f'<div class="banner {kind}">{html.escape(text)}</div>\n'


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>\n{body}\n</tbody></table>\n"


def _image(png: bytes, description: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(description)}" src="data:image/png;base64,{data}">'


def _tiles(pictures: Iterable[tuple[str, bytes]]) -> str:
    figures = (
        f"<figure>{_image(png, caption)}<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, png in pictures
    )
    return f'<div class="tiles">{"".join(figures)}</div>'
