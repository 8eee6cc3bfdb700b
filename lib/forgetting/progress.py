"""How far long work is, and how long it will take."""

import time
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

SECONDS_BETWEEN_LINES = 15  # in a log, where there is no bar


class Progress:
    """Progress with the time left: a bar on a terminal, a line now and then in a log.

    Args:
        total: how much there is to do.
        unit: what is counted, in the plural.
        console: where it is shown.
    """

    def __init__(self, total: int, unit: str, console: Console):
        self.total, self.unit, self.done, self.console = total, unit, 0, console
        self.last_line = time.monotonic()
        self.begun: tuple[float, int] | None = None  # when the first were finished, and how many
        columns = [
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
        ]
        # Whoever asks for colours (FORCE_COLOR, in hosted checks and kernels) is no terminal yet.
        drawn = console.is_terminal and console.file.isatty()
        self.bar = progress.Progress(*columns, console=console) if drawn else None

    def __enter__(self) -> Self:
        """Show the bar, where there is one."""
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task(self.unit, total=self.total)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        if self.bar:
            self.bar.stop()

    def advance(self, number: int = 1, what: str | None = None) -> None:
        """Report that `number` more are finished, the last of them being `what`."""
        self.done += number
        now = time.monotonic()
        if self.bar:
            self.bar.update(self.task, advance=number, description=what)
        elif now - self.last_line > SECONDS_BETWEEN_LINES:
            self.last_line = now
            line = f"  {self.done:,} of {self.total:,} {self.unit}"
            self.console.print(line + self._time_left(now))
        if self.begun is None:
            self.begun = now, self.done

    def _time_left(self, now: float) -> str:
        """How long the rest takes, as the end of a line; nothing as the first are finished.

        Before these, processes start and data are read, which the others are spared.
        """
        if self.begun is None or self.done == self.begun[1]:
            return ""
        begun, finished = self.begun
        left = (now - begun) / (self.done - finished) * (self.total - self.done)
        return f", about {left:.0f} s left"
