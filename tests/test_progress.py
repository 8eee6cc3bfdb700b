"""Progress is a bar on a terminal and lines in a log, whatever asks for colours."""

import io

from rich.console import Console

from forgetting import progress
from forgetting.progress import Progress


def shown(file, monkeypatch):
    """What is written where colours are asked for."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1)
    with Progress(2, "pictures", Console(file=file, force_terminal=True, width=80)) as some:
        some.advance(1)
    return file.getvalue()


def test_a_log_has_lines_though_colours_are_asked_for(monkeypatch):
    text = shown(io.StringIO(), monkeypatch)
    assert "1" in text and "pictures, about" in text and "\u2501" not in text


def test_a_terminal_has_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    assert "\u2501" in shown(Terminal(), monkeypatch)
