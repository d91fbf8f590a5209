"""Line charts as SVG, which take their colours from the page, in light and in dark."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 460, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 34, 44  # of the plot's frame

Points = Sequence[tuple[float, float]]


def draw_lines(
    series: Mapping[str, Points],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_ticks: Mapping[float, str],
    dashed: str = "",
    unjoined: str = "",
) -> Markup:
    """Returns a chart of lines over a vertical axis from 0 to 1.

    Args:
      series: name -> its points; up to five have colours and marks of their own.
      title: what a screen reader says of it, before the points.
      x_label: below the horizontal axis.
      y_label: beside the vertical axis.
      x_ticks: position on the horizontal axis -> what stands there.
      dashed: a series without marks, like a line of reference.
      unjoined: a series of marks without a line.
    """
    low, high = min(x_ticks), max(x_ticks)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / (high - low or 1) * (_WIDTH - _LEFT - _RIGHT)
        return round(_LEFT + across, 1), round(_TOP + (1 - y) * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" class="chart"><title>{escape(_describe(title, series))}</title>'
    ]
    for step in range(5):
        (x, y), (right, _) = place(low, step / 4), place(high, step / 4)
        parts.append(f'<line class="grid" x1="{x}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{step / 4:g}</text>')
    for position, text in x_ticks.items():
        x, y = place(position, 0)
        parts.append(f'<text x="{x}" y="{y + 16}" text-anchor="middle">{escape(text)}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH) // 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) // 2
    parts.append(f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>')
    across = _LEFT
    for number, (name, points) in enumerate(series.items()):
        colour = f"line{number % 5}"
        path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in points))
        dash = ' stroke-dasharray="4 4"' if name == dashed else ""
        if name != unjoined:
            parts.append(f'<polyline class="{colour}" fill="none" points="{path}"{dash}/>')
        if name != dashed:
            parts += [_mark(number, *place(*point), colour=colour) for point in points]
        parts.append(_mark(number, across + 6, 14, colour=colour))
        parts.append(f'<text x="{across + 16}" y="18">{escape(name)}</text>')
        across += 30 + 7 * len(name)
    return Markup("".join(parts) + "</svg>")


def _mark(number: int, x: float, y: float, *, colour: str) -> str:
    """Returns a mark that differs in its shape, too: not everybody tells the colours apart."""
    shapes = (
        f'<circle class="{colour} filled" cx="{x}" cy="{y}" r="3.5"/>',
        f'<rect class="{colour} filled" x="{x - 3}" y="{y - 3}" width="6" height="6"/>',
        f'<path class="{colour} filled" d="M{x} {y - 4.5}l4.5 8h-9z"/>',
        f'<path class="{colour} filled" d="M{x} {y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"/>',
        f'<path class="{colour}" fill="none" d="M{x - 3} {y - 3}l6 6m0 -6l-6 6"/>',
    )
    return shapes[number % len(shapes)]


def _describe(title: str, series: Mapping[str, Points]) -> str:
    """Returns what is seen, in words and numbers."""
    lines = (f"{name}: " + ", ".join(f"{y:.2f} at {x:g}" for x, y in points) for name, points in series.items())
    return f"{title}. {'; '.join(lines)}."
