"""The results file while a run writes it: one writer, every result durable at once, and what a killed run left is gone on with.

Knows nothing of models.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from index_store.errors import GradingError
from index_store.files import sync_folder, write_atomically
from tutor.activity.tables import defused
from tutor.mcqa.confidence import Calibration, confidence_of
from tutor.mcqa.results import Result, RunSettings, as_line, read_results, settings_file, write_settings
from tutor.mcqa.review import reasoning_told

HEAD = (
    "id", "subject", "question", "options", "letter", "key", "outcome", "confidence", "calibrated", "how", "why", "fallback",
    "votes", "reasoning", "citations", "seconds", "tokens",
)  # fmt: skip


class ResultsFile:
    """The one writer of `file` (.jsonl)."""

    def __init__(self, file: Path, results: Sequence[Result], calibration: Calibration | None = None) -> None:
        self.file = file
        self.results = {result.id: result for result in results}
        self._calibration = calibration
        self._finished = False
        self._stream = file.open("ab")
        sync_folder(file.parent)

    def append(self, result: Result) -> None:
        """With its confidence, where there is a calibration. Durable when this returns."""
        result = rated(result, self._calibration)
        self._stream.write(as_line(result).encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.results[result.id] = result

    def finish(self, order: Sequence[str]) -> list[Result]:
        """Put the results in the order of these ids, and write the table beside; what is there of them then."""
        self._finished = True
        ordered = [self.results[id] for id in order if id in self.results]
        if list(self.results) != [result.id for result in ordered]:
            _write_lines(self.file, ordered)
        _write_table(self.file, ordered)
        return ordered

    def close(self) -> None:
        """A run that was interrupted leaves its table too."""
        self._stream.close()
        if self.results and not self._finished:
            _write_table(self.file, list(self.results.values()))


def _write_lines(file: Path, results: Sequence[Result]) -> None:
    write_atomically(file, "".join(as_line(result) + "\n" for result in results), private=False)


def _write_table(file: Path, results: Sequence[Result]) -> None:
    write_atomically(table_file(file), as_table(results), private=False)


def table_file(file: Path) -> Path:
    """Where the table of the results in `file` stands."""
    return file.with_suffix(".csv")


@contextmanager
def writing(
    file: Path,
    settings: RunSettings,
    force: bool = False,
    notify: Callable[[str], None] = lambda message: None,
    calibration: Calibration | None = None,
) -> Iterator[ResultsFile]:
    """The results file of a run with `settings`, begun or gone on with; with `force` begun anew whatever is there. The
    confidences are those of `calibration`, also of results that were there.

    Raises GradingError where another process writes it, where other settings began it, or where it is no results file.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=0)
    try:
        with lock:
            kept = ResultsFile(file, _begun(file, settings, force, notify, calibration), calibration)
            try:
                yield kept
            finally:
                kept.close()
    except Timeout:
        raise GradingError(f"{file}: another `tutor grade` is writing it. Wait for it to end, or name another --out.") from None


def rated(result: Result, calibration: Calibration | None) -> Result:
    """The result with the confidence that `calibration` gives it; without one with none."""
    return replace(result, confidence=calibration.confidence(result) if calibration else None)


def _begun(
    file: Path, settings: RunSettings, force: bool, notify: Callable[[str], None], calibration: Calibration | None
) -> tuple[Result, ...]:
    """What an earlier run left of the same, its torn end cut off; nothing where a run begins."""
    beside = settings_file(file)
    if force:
        for old in (file, table_file(file), beside):
            old.unlink(missing_ok=True)
    if not beside.exists():
        if there := next((old for old in (file, table_file(file)) if old.exists()), None):
            raise GradingError(f"{there}: is there already. Name another --out, or write over it with --force.")
        write_settings(beside, settings)
        return ()
    left = read_results(file)
    if differing := left.settings.differing(settings):
        raise GradingError(f"{file}: begun with {'; '.join(differing)}. Name another --out, or begin anew with --force.")
    if left.torn:
        notify(f"{file}: the last line was cut off, and is graded again")
        with file.open("rb+") as stream:
            stream.truncate(stream.read().rfind(b"\n") + 1)
    if left.settings.calibration == settings.calibration:
        return left.rows
    rows = tuple(rated(result, calibration) for result in left.rows)
    if rows:
        notify(f"{file}: the confidences are now {'those of the fit that was saved since' if calibration else 'not fitted'}")
    _write_lines(file, rows)
    write_settings(beside, settings)  # last: killed before, the run does this again
    return rows


def as_table(results: Sequence[Result]) -> str:
    """One row a question, without the samples. Cells that a spreadsheet might run are defused. Begins with a byte order mark,
    without which Excel garbles accents."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for result in results:
        votes = ", ".join(sample.letter or "none" for sample in result.samples)
        options = "\n".join(f"{label}) {option}" for label, option in result.options.items())
        cited = "\n".join(f"[{one.number}] {one.book}, {one.label} ({one.file})" for one in result.citations)
        sure = confidence_of(result)
        confidence = "" if sure is None else f"{sure:.3f}"
        calibrated = "no" if result.confidence is None else "yes"
        cells = (
            result.id, result.subject, result.question, options, result.letter or "", result.key or "", result.outcome,
            confidence, calibrated, result.how or "", result.why or "", "yes" if result.fallback else "no", votes,
            reasoning_told(result), cited, f"{result.seconds:.2f}", str(result.tokens),
        )  # fmt: skip
        writer.writerow([defused(cell) for cell in cells])
    return "\ufeff" + text.getvalue()
