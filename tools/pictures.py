"""Makes the pictures of docs/images from a finished run: the report's first screen, and `listen` in a terminal.

Needs chromium and tmux. `python tools/pictures.py --root=build/demo --recording=FILE.wav`
"""

import argparse
import html
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

from playwright.sync_api import Browser, sync_playwright

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
IMAGES = REPOSITORY / "docs" / "images"
_COLUMNS, _LINES = 84, 18
_TERMINAL = (
    "font: 15px/1.25 'DejaVu Sans Mono', monospace; margin: 0; padding: 14px 18px; background: #14181d; color: #d5dbe2"
)


def main() -> None:
    """Writes report.png and listen.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="of a finished run")
    parser.add_argument("--recording", required=True, help="what `listen` replays")
    parser.add_argument("--seconds", type=float, default=10, help="how far into it the picture is taken")
    arguments = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    shown = capture_listen(arguments.root, arguments.recording, arguments.seconds)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1120, "height": 642})
        page.goto((pathlib.Path(arguments.root) / "report" / "index.html").resolve().as_uri())
        page.screenshot(path=IMAGES / "report.png")
        draw_terminal(browser, shown, IMAGES / "listen.png")
        browser.close()


def capture_listen(root: str, recording: str, seconds: float) -> str:
    """Returns what a terminal shows after so many seconds of `listen --replay`, with its escape sequences."""
    session = f"pictures-{time.monotonic_ns()}"
    typed = ["ser-tinyml", "listen", f"--model={root}", f"--replay={recording}"]
    command = f"PYTHONPATH={REPOSITORY} {shlex.join([sys.executable, '-m', 'ser_tinyml', *typed[1:]])}"
    subprocess.run(
        ["tmux", "new-session", "-d", "-s", session, "-x", f"{_COLUMNS}", "-y", f"{_LINES}", command], check=True
    )
    try:
        while "listening to" not in _capture(session):
            time.sleep(0.1)
        time.sleep(seconds)
        return f"\x1b[2m$\x1b[0m {shlex.join(typed)}\n{_capture(session).rstrip()}"
    finally:
        subprocess.run(["tmux", "kill-session", "-t", session], check=True)


def _capture(session: str) -> str:
    return subprocess.run(
        ["tmux", "capture-pane", "-e", "-p", "-t", session], capture_output=True, text=True, check=True
    ).stdout


def draw_terminal(browser: Browser, shown: str, path: pathlib.Path) -> None:
    """Writes a picture of a terminal's text; of its escape sequences it knows bold, faint and plain."""
    opened = {"1": "<b style='color: #fff'>", "2": "<span style='opacity: .6'>"}
    parts, close = [], ""
    for text, codes in re.findall(r"([^\x1b]*)(?:\x1b\[([\d;]*)m)?", shown):
        parts.append(html.escape(text))
        if codes:
            parts.append(close)
            kind = codes.split(";")[-1]
            close = {"1": "</b>", "2": "</span>"}.get(kind, "")
            parts.append(opened.get(kind, ""))
    page = browser.new_page(viewport={"width": 820, "height": 200})
    page.set_content(f'<pre style="{_TERMINAL}">{"".join(parts)}{close}</pre>')
    page.locator("pre").screenshot(path=path)


if __name__ == "__main__":
    main()
