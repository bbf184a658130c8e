"""Progress of a long command on standard error: bars on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tutor.cli.options import counted

TOLD_EVERY = 10.0  # seconds, where there is no terminal


class Stages:
    """One bar a stage; `update(stage, done, total)` makes and moves them."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Stages:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, message: str) -> None:
        self._console.print(message, markup=False)

    def update(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)
        if not self._console.is_terminal and done == total:
            self.say(f"{stage}: {counted(total, 'passage' if stage == 'embedding' else 'page')}")


class Questions:
    """A bar of questions with rate and time left on a terminal; elsewhere a line every now and then."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._terminal = self._console.is_terminal
        self._progress = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            console=self._console,
            disable=not self._terminal,
        )
        self._task: TaskID | None = None
        self._begun = self._told = time.monotonic()

    def __enter__(self) -> Questions:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, message: str) -> None:
        self._console.print(message, markup=False)

    def update(self, before: int, done: int, total: int) -> None:
        now = time.monotonic()
        if self._task is None:
            self._task = self._progress.add_task("grading", total=total, rate="")
            self._begun = self._told = now
            if before:
                self.say(f"{counted(before, 'question')} of {total:,} graded before; going on")
        rate = _rate(done - before, total - done, now - self._begun)
        self._progress.update(self._task, completed=done, total=total, rate=rate)
        if not self._terminal and done > before and (done == total or now - self._told >= TOLD_EVERY):
            self._told = now
            self.say(f"graded {done:,} of {total:,}{', ' if rate else ''}{rate}")


def _rate(done: int, left: int, seconds: float) -> str:
    """Questions a minute, and the time that those left take at this rate."""
    if not done:
        return ""
    minutes, rest = divmod(round(left * seconds / done), 60)
    return f"{60 * done / max(seconds, 0.01):.1f} a minute, {minutes}:{rest:02} left"
