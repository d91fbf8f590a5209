"""Writes docs/api.md, the page of the Python API, from the docstrings: `python tools/api.py`."""

import ast
import pathlib
import re

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "api.md"

_NAMES = {  # module -> what it has of the API
    "ser_tinyml/__init__.py": ("load", "evaluate"),
    "ser_tinyml/prediction/model.py": ("Model", "Prediction"),
    "ser_tinyml/prediction/stream.py": ("Stream", "Decision"),
    "schemas/front_end.py": ("FrontEnd",),
}

_HEAD = """# Python API

<!-- Written by tools/api.py from the docstrings. -->

```python
import ser_tinyml

model = ser_tinyml.load("build/demo")
prediction = model.predict_file("recording.wav")
print(prediction.label, prediction.probabilities)
```

Importing `ser_tinyml` loads no other library. What a person can put right is raised as `schemas.errors.UserError`; one of its
kinds is `UsageError`, for an argument that can't be meant.
"""

_TITLES = {"Args": "Arguments:", "Returns": "Returns:", "Raises": "Raises:", "Yields": "Yields:"}
_SECTIONS = re.compile(r"^(Args|Returns|Raises|Yields):\n((?:  .*\n?|\n)+)", re.MULTILINE)


def make_page() -> str:
    """Returns the text of the page."""
    parts = [_HEAD]
    for path, names in _NAMES.items():
        source = (REPOSITORY / path).read_text()
        defined = {
            node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        for name in names:
            node = defined[name]
            if isinstance(node, ast.ClassDef):
                parts += [
                    f"## {name}",
                    _show_text(node),
                    *_show_fields(node, source.splitlines()),
                    *_show_methods(node),
                ]
            else:
                parts += [f"## ser_tinyml.{name}", _show_signature(node), _show_text(node)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _show_fields(node: ast.ClassDef, lines: list[str]) -> list[str]:
    """Returns a list of a dataclass's fields; their comments stand behind them."""
    rows = []
    for field in node.body:
        if isinstance(field, ast.AnnAssign):
            comments = [line.partition("  # ")[2] for line in lines[field.lineno - 1 : field.end_lineno]]
            rows.append(f"- `{ast.unparse(field)}`" + "".join(f": {comment}" for comment in comments if comment))
    return ["\n".join(rows)] if rows else []


def _show_methods(node: ast.ClassDef) -> list[str]:
    """Returns the properties and methods that are public, in the order of the source."""
    parts = []
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
            continue
        is_property = any(ast.unparse(decorator) == "property" for decorator in method.decorator_list)
        assert method.returns, f"{method.name} says what it returns"
        if is_property:
            parts += [f"### `{node.name}.{method.name}: {ast.unparse(method.returns)}`", _show_text(method)]
        else:
            parts += [f"### {node.name}.{method.name}", _show_signature(method), _show_text(method)]
    return parts


def _show_signature(function: ast.FunctionDef) -> str:
    arguments = ast.unparse(function.args).removeprefix("self, ").removeprefix("self").removeprefix("cls, ")
    assert function.returns, f"{function.name} says what it returns"
    returned = ast.unparse(function.returns).strip("'")
    return f"```python\n{function.name}({arguments}) -> {returned}\n```"


def _show_text(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Returns a docstring as Markdown: its sections as lists."""
    text = ast.get_docstring(node)
    assert text, f"{node.name} has a docstring"
    return _SECTIONS.sub(lambda section: f"{_TITLES[section[1]]}\n\n{_list_entries(section[2])}\n\n", text + "\n")


def _list_entries(text: str) -> str:
    """Returns what is indented by two blanks as entries of a list; what is indented further goes on."""
    entries = re.sub(r"\n {4,}", " ", text.rstrip()).splitlines()
    return "\n".join("- " + re.sub(r"^([\w*]+):", r"`\1`:", entry.strip()) for entry in entries if entry.strip())


if __name__ == "__main__":
    PAGE.write_text(make_page())
