"""The model card: what the model is for, what it was trained and judged on, and what it takes on the board."""

from schemas.classes import LABELS

_PROTOCOLS = {
    "disjoint_speakers": "clips of speakers whom training never heard",
    "shared_speakers": "clips of speakers whom training heard, in other clips",
    "notebook": "augmented copies of clips that training heard: **a leak**, and no measure of what a stranger will see",
    "model_from_elsewhere": "clips of the dataset; what the model was trained on is not known here",
}

_BUILDING = (
    "`cmake -B build && cmake --build build && ctest --test-dir build` in this folder, for this machine; with",
    "`-DSER_BOARD=mps2_an386` for QEMU's Cortex-M4F. `arduino/ser-tinyml` is a library for Arduino's IDE, with an example",
    "`ser` for the Nano 33 BLE Sense.",
)
_LIMITS = (
    "Acted speech in English, recorded in studios by few speakers: how it does on spontaneous speech, other languages,",
    "children or a far microphone was not measured. An emotion that is heard is not one that is felt: no decision about a",
    "person should rest on it. RAVDESS (CC BY-NC-SA 4.0) and TESS (CC BY-NC-ND 4.0) are for non-commercial use, and so is a",
    "model that was trained on them.",
)


def write_card(evaluation: dict, board: dict, dataset: dict, description: dict) -> str:
    """Markdown, of evaluation.json, board.json, dataset.json and export.json."""
    int8 = evaluation["models"]["int8"]
    front_end = description["front_end"]
    seconds = front_end["window_samples"] / front_end["sample_rate"]
    judged_on = _PROTOCOLS.get(evaluation["protocol"], evaluation["protocol"])
    lines = ["# Emotion from speech: model card", ""]
    if evaluation["synthetic"]:
        lines += ["**Trained and judged on synthetic speech: a demonstration, of no use on people.**", ""]
    lines += [
        f"An int8 network of {int8['bytes']:,} bytes. It takes {seconds:.1f} s of speech at {front_end['sample_rate']:,} Hz as "
        f"{front_end['n_mfcc']} MFCCs a frame, and gives probabilities of {', '.join(description['labels'])}.",
        "",
        "## Judged on",
        "",
        f"{evaluation['examples']} {judged_on}; a clip's class is the mean of its windows' probabilities.",
        "",
        "| | accuracy | UAR | macro-F1 |",
        "|---|---|---|---|",
        f"| int8 | {int8['accuracy']:.3f} | {int8['uar']:.3f} | {int8['macro_f1']:.3f} |",
    ]
    if noisy := evaluation["noisy"].get("models", {}).get("int8"):
        lines.append(
            f"| int8, the same clips with noise | {noisy['accuracy']:.3f} | {noisy['uar']:.3f} | {noisy['macro_f1']:.3f} |"
        )
    lines += ["", f"Its probabilities are {int8['calibration_error']:.2f} off on average (expected calibration error)."]
    lines += ["", "| class | recall | precision | clips |", "|---|---|---|---|"]
    for label in LABELS:
        if row := int8["per_class"].get(label):
            lines.append(f"| {label} | {row['recall']:.3f} | {row['precision']:.3f} | {row['examples']} |")
    trained = ", ".join(f"{name} {split['examples']:,}" for name, split in dataset["splits"].items())
    lines += ["", f"Records: {trained}. Digest of the dataset: `{dataset['digest']}`.", "", "## On the board", ""]
    lines += _board_lines(board)
    lines += ["", "## To build it", "", *_BUILDING, "", "## Limits", "", *_LIMITS]
    return "\n".join(lines) + "\n"


def _board_lines(board: dict) -> list[str]:
    if not board["validated"]:
        return ["Not board-validated: " + "; ".join(board["skipped"]) + "."]
    flash, ram, milliseconds = board["flash_bytes"], board["ram_bytes"], board["milliseconds"]
    return [
        f"Board-validated: {board['clips']} held-out clips were replayed from sound on a host build, {board['board_clips']} of",
        f"them on an emulated Cortex-M4F. {board['agreement']:.1%} of the clips get the class that Python gives, and the",
        "engine gave TFLM's bits for every window.",
        "",
        f"- flash {flash:,} bytes, RAM {ram:,} bytes with stack and audio ring, without Arduino's core",
        f"- instructions a window: front end {board['instructions_frontend']:,}, engine {board['instructions_engine']:,}",
        f"- milliseconds a window, estimated: {milliseconds['frontend']} and {milliseconds['engine']}; {board['assumptions']}",
    ]
