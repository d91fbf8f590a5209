"""The model card: what a model was trained and judged on, what it takes on the board, and whose data is in it."""

from schemas.run_files import Board, Dataset, Evaluation, Export
from ser_tinyml.audio.limits import MICROPHONE_RATES_HZ
from ser_tinyml.corpora import CORPORA
from ser_tinyml.judging.protocols import PROTOCOLS
from ser_tinyml.report.rendering import explain_validation, render


def render_card(exported: Export, dataset: Dataset, *, evaluation: Evaluation, board: Board) -> str:
    """Returns the card as Markdown; languages and licences are those of the corpora that the dataset has records of."""
    used = {corpus for split in dataset.splits.values() for corpus in split.corpora}
    return render(
        "model_card.md.j2",
        exported=exported,
        front_end=exported.front_end,
        for_arduino=exported.front_end.sample_rate in MICROPHONE_RATES_HZ,
        dataset=dataset,
        evaluation=evaluation,
        int8=evaluation.models["int8"],
        board=board,
        why_not_validated=explain_validation(board),
        protocol=PROTOCOLS[evaluation.protocol],
        corpora=[corpus for name, corpus in CORPORA.items() if name in used],
        own=sorted(used - set(CORPORA)),
    )
