"""Shows a job while it runs: its steps with elapsed times and the last lines of its log."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dz.tasklib.jobs.log import LogLine
from dz.text import printable
from dz.zoomdb.states import LogType

Feed = Callable[[Sequence[LogLine]], None]
TAIL = 4
_LONGEST = 160


@dataclass
class Step:
    """A step as it is shown; `running` counts the servers that are running it."""

    name: str
    began: float
    running: int = 0
    seconds: float | None = None
    failed: bool = False


class Progress:
    """The progress of a job, as the lines of its log tell it."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.tail: deque[str] = deque(maxlen=TAIL)
        self.warnings: dict[str, None] = {}
        self._spinner = Spinner("line")

    def feed(self, lines: Sequence[LogLine], now: float) -> list[str]:
        """Take new lines of the log, and return the plain lines of text that report them."""
        return [text for line in lines if (text := self._take(line, now))]

    def _take(self, line: LogLine, now: float) -> str | None:
        message, step = printable(line.message), printable(line.step)
        if line.type == LogType.STEP_BEGIN:
            self.steps.setdefault(step, Step(step, now)).running += 1
            return f"begun   {step}"
        if line.type == LogType.STEP_END:
            return self._end(step, float(line.message), now)
        if line.type == LogType.ERROR and step in self.steps:
            self.steps[step].failed = True
            self.tail.append(_first_line(message))
            return f"failed  {step}"
        if line.type in (LogType.INFO, LogType.WARN) and message:
            self.tail.append(_first_line(message))
            self.warnings |= {message: None} if line.type == LogType.WARN else {}
            return f"{'warning' if line.type == LogType.WARN else '       '} {message}"
        return None

    def _end(self, name: str, seconds: float, now: float) -> str:
        step = self.steps.setdefault(name, Step(name, now, running=1))
        step.running -= 1
        step.seconds = max(step.seconds or 0.0, seconds)
        return f"done    {name}  {seconds:.1f} s"

    def render(self, now: float) -> RenderableType:
        """Return what a terminal shows at this moment."""
        table = Table.grid(padding=(0, 1))
        for step in self.steps.values():
            table.add_row(*self._row(step, now))
        return Group(
            table, *(Text(f"    {line}", style="dim", no_wrap=True, overflow="ellipsis") for line in self.tail)
        )

    def _row(self, step: Step, now: float) -> tuple[RenderableType, Text, Text]:
        if step.failed:
            return Text("x", style="red"), Text(step.name, style="red"), Text("failed")
        if step.running:
            return self._spinner, Text(step.name), Text(f"{now - step.began:.0f} s", style="dim")
        return Text("+", style="green"), Text(step.name), Text(f"{step.seconds or 0.0:.1f} s")


@contextlib.contextmanager
def shown(title: str, console: Console) -> Iterator[Feed]:
    """Show a job in place on a terminal, else as plain lines; yields the function that takes lines of its log.

    What is warned of stays on the terminal, above the picture.
    """
    progress = Progress()
    console.print(title)

    def feed(lines: Sequence[LogLine]) -> None:
        texts = progress.feed(lines, time.monotonic())
        for text in texts if not console.is_terminal else ():
            console.print(f"  {text}")

    if not console.is_terminal:
        yield feed
        return
    with Live(get_renderable=lambda: progress.render(time.monotonic()), console=console, refresh_per_second=8):
        try:
            yield feed
        finally:
            progress.tail.clear()
            for warning in progress.warnings:
                console.print(f"Warning: {warning}")


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:_LONGEST]
