"""What runs for a course while its instructor looks on: a dry run, an ingest, a removal. One at a time for each course."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from index_store.errors import CourseError, CourseTutorError
from ingest.books import Progress
from ingest.report import IngestReport

Kind = Literal["dry run", "ingest", "removal"]


@dataclass
class Job:
    """A job and how far it is: `stages` are (done, total) by name, in the order of their beginning."""

    kind: Kind
    by: str
    begun: float = field(default_factory=time.monotonic)
    stages: dict[str, tuple[int, int]] = field(default_factory=dict)
    report: IngestReport | None = None
    error: str = ""
    seconds: float = 0.0
    over: bool = False

    def update(self, stage: str, done: int, total: int) -> None:
        """The progress of a stage, from any thread."""
        self.stages[stage] = (done, total)


class Jobs:
    """The latest job of each course, running or over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, Job] = {}

    def latest(self, course: str) -> Job | None:
        return self._latest.get(course)

    def check_idle(self, course: str) -> None:
        """Raises CourseError where a job is running for the course."""
        if (job := self._latest.get(course)) and not job.over:
            raise CourseError(
                f"course {course!r}: {job.by} has started something that is running ({job.kind}). Wait for it to end."
            )

    def forget(self, course: str) -> None:
        """Its latest job is shown no more; one that runs stays."""
        with self._lock:
            if (job := self._latest.get(course)) and job.over:
                del self._latest[course]

    def start(self, course: str, kind: Kind, by: str, work: Callable[[Progress], IngestReport]) -> Job:
        """Run `work` on a thread. Raises CourseError where one is running for the course."""
        with self._lock:
            self.check_idle(course)
            job = self._latest[course] = Job(kind, by)
        threading.Thread(target=_run, args=(job, work), daemon=True, name=f"{kind} {course}").start()
        return job


def _run(job: Job, work: Callable[[Progress], IngestReport]) -> None:
    try:
        job.report = work(job.update)
    except CourseTutorError as error:
        job.error = str(error)
    except OSError as error:
        job.error = f"{error.strerror or error}. Check permissions and free space of the machine."
    except Exception as error:  # noqa: BLE001  on a thread nobody sees it: it is told on the page
        job.error = f"it failed unexpectedly ({type(error).__name__}: {error}). What was live before is still live."
    finally:
        job.seconds = time.monotonic() - job.begun
        job.over = True
