"""What a model says of many recordings, as files: JSON Lines, CSV and Parquet."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]  # of a recording: its path, and `Prediction.to_json`; in bulk its clip_id, too
Labels = Sequence[str]


def list_columns(labels: Labels) -> list[str]:
    """Returns the names of the columns of a table."""
    return ["path", "class", "uncertain", "seconds", "windows", *labels]


def list_cells(row: Row, labels: Labels) -> list[Any]:
    """Returns the cells of a table: of windows their number, of classes their probabilities, empty where nobody speaks."""
    probabilities = [row["probabilities"].get(label, "") for label in labels]
    return [
        row["path"],
        row["class"] or "",
        str(row["uncertain"]).lower(),
        row["seconds"],
        len(row["windows"]),
        *probabilities,
    ]


def encode_row(row: Row) -> bytes:
    """Returns a line of JSON: the same bytes for the same row."""
    return json.dumps(row).encode()


def _encode_jsonl(rows: Sequence[Row], labels: Labels) -> bytes:
    return b"".join(encode_row(row) + b"\n" for row in rows)


def _encode_csv(rows: Sequence[Row], labels: Labels) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*list_columns(labels), "clip_id"])
    writer.writerows([*list_cells(row, labels), row["clip_id"]] for row in rows)
    return table.getvalue().encode()


def _encode_parquet(rows: Sequence[Row], labels: Labels) -> bytes:
    import pyarrow  # Beam's own; predict does without
    import pyarrow.parquet

    window = pyarrow.struct(
        {"start": pyarrow.float64(), "probabilities": pyarrow.list_(pyarrow.float64(), len(labels))}
    )
    kinds = {
        "path": pyarrow.string(),
        "clip_id": pyarrow.string(),
        "class": pyarrow.string(),
        "uncertain": pyarrow.bool_(),
        "seconds": pyarrow.float64(),
        "probabilities": pyarrow.struct({label: pyarrow.float64() for label in labels}),
        "windows": pyarrow.list_(window),
    }
    filled = [row | {"probabilities": row["probabilities"] or None} for row in rows]
    table = pyarrow.Table.from_pylist(filled, pyarrow.schema(kinds))
    content = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, content)
    return content.getvalue().to_pybytes()


ENCODERS: dict[str, Callable[[Sequence[Row], Labels], bytes]] = {  # a shard's content, by its suffix
    "jsonl": _encode_jsonl,
    "csv": _encode_csv,
    "parquet": _encode_parquet,
}
