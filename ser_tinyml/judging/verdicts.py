"""What is told of a run that was judged: read from its documents, so without what takes seconds to load."""

import dataclasses
import json

from schemas.run_files import Board, Evaluation
from ser_tinyml.judging import gates
from ser_tinyml.store import run_files


def format_table(output: str) -> str:
    """Returns the models of an evaluation as a table for the console."""
    lines = [f"{'model':10}{'bytes':>10}{'accuracy':>10}{'macro-F1':>10}{'UAR':>8}{'agreement':>11}{'latency':>12}"]
    evaluation = run_files.read(Evaluation, output)
    for name, row in evaluation.models.items():
        scores = row.scores
        lines.append(
            f"{name:10}{row.bytes:>10,}{scores.accuracy:>10.4f}{scores.macro_f1:>10.4f}{scores.uar:>8.4f}"
            f"{row.agreement:>11.4f}{row.latency_ms:>9.2f} ms"
        )
    if absent := evaluation.labels_without_clips:
        lines.append(f"no held-out clip is {' or '.join(absent)}: macro-F1 and UAR average the other classes")
    return "\n".join(lines)


def format_json(output: str) -> str:
    """Returns what `format_table` shows as JSON, on one line, with the gates and whether the model is blessed."""
    evaluation = run_files.read(Evaluation, output)
    models = {
        name: {metric: getattr(row.scores, metric) for metric in ("accuracy", "macro_f1", "uar")}
        | {"bytes": row.bytes, "agreement": row.agreement, "latency_ms": row.latency_ms}
        for name, row in evaluation.models.items()
    }
    gates_told = [dataclasses.asdict(gate) for gate in evaluation.gates]
    return json.dumps({"evaluation": output, "models": models, "gates": gates_told, "blessed": evaluation.blessed})


def require_blessed(evaluation: str) -> None:
    """Raises GateFailed, naming the gates that failed and by how much, where the model of an evaluation is not blessed."""
    gates.require_passed(run_files.read(Evaluation, evaluation).gates, "the model is not blessed")


def require_validated(board: str) -> None:
    """Raises GateFailed, naming the gates that failed, where the firmware of a board.json did not pass."""
    gates.require_passed(run_files.read(Board, board).gates, "the firmware did not pass")
