"""The model card: what a model was trained and judged on, what it takes on the board, and whose data is in it."""

from schemas.run_files import Board, Dataset, Evaluation, Export
from ser_tinyml.audio.limits import MICROPHONE_RATES_HZ
from ser_tinyml.corpora import CORPORA
from ser_tinyml.judging.protocols import PROTOCOLS
from ser_tinyml.report.rendering import explain_validation, render

_LANGUAGE_CODES = {"English": "en", "German": "de", "Polish": "pl", "Bengali": "bn", "Amharic": "am"}


def render_card(
    exported: Export, dataset: Dataset, *, evaluation: Evaluation, board: Board, for_hub: bool = False
) -> str:
    """Returns the card as Markdown; languages and licences are those of the corpora that the dataset has records of.

    It tells how the firmware bundle is built that it lies in, or, `for_hub`, how the model is used from Python.
    """
    used = {corpus for split in dataset.splits.values() for corpus in split.corpora}
    known = [corpus for name, corpus in CORPORA.items() if name in used]
    return render(
        "model_card.md.j2",
        exported=exported,
        front_end=exported.front_end,
        for_hub=for_hub,
        for_arduino=exported.front_end.sample_rate in MICROPHONE_RATES_HZ,
        dataset=dataset,
        evaluation=evaluation,
        int8=evaluation.models[evaluation.flashed],
        board=board,
        why_not_validated=explain_validation(board),
        protocol=PROTOCOLS[evaluation.protocol],
        corpora=known,
        licences="; ".join(sorted({corpus.licence for corpus in known})) or "that of the recordings",
        languages=sorted({_LANGUAGE_CODES.get(corpus.language, corpus.language) for corpus in known}),
        dataset_name=", ".join(sorted(used)) + (" (synthetic)" if evaluation.synthetic else ""),
        own=sorted(used - set(CORPORA)),
    )
