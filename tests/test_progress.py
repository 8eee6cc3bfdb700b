"""Progress is a bar on a terminal and lines in a log, whatever asks for colours."""

import io

from rich.console import Console

from forgetting import progress
from forgetting.progress import Progress


def shown(file, monkeypatch):
    """What is written where colours are asked for."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1)
    with Progress(3, "pictures", Console(file=file, force_terminal=True, width=80)) as some:
        some.advance(1)
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


def test_starting_is_not_counted_to_what_the_rest_takes(monkeypatch):
    clock = iter([0, 30, 31, 35])  # made, and each time some are finished
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    console = Console(file=io.StringIO(), width=80)
    with Progress(100, "networks", console) as some:
        for _ in range(2):
            some.advance(2)
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 2)
        some.advance(6)
    lines = console.file.getvalue().splitlines()
    assert lines == ["  2 of 100 networks", "  10 of 100 networks, about 56 s left"]
