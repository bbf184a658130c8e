"""The one exception tree. Every message is one line: place, what is wrong, how to mend it.

CourseTutorError
├── AccountsError        an accounts file that is damaged, or a user, key or password that cannot be
├── ActivityError        a log of questions that cannot be read or written, or a row that is not in it
├── BookError            a file that cannot be read as a course book
├── CourseError          a course that is unknown, misnamed, empty or held by another writer
├── EmbeddingError       an embedding model that is missing, unsafe or not the one an index was made with
├── GradingError         a sheet of questions that cannot be read, or results that cannot be gone on with
├── IndexDamagedError    a generation whose files do not agree with its manifest
├── ModelError           a language model that cannot be found, loaded, reached, or that failed while answering
├── SettingsError        a setting that is unknown or out of range
└── TrainError           what the training package refused, in its words (training/errors.py): it knows nothing of this tree
"""

from __future__ import annotations


class CourseTutorError(Exception):
    """Something the user can mend; `str(error)` is the one line to show."""


class AccountsError(CourseTutorError):
    """An accounts file that is damaged, or a user, key or password that cannot be."""


class ActivityError(CourseTutorError):
    """A log of questions that cannot be read or written, or a row that is not in it."""


class BookError(CourseTutorError):
    """A file that cannot be read as a course book."""

    def __init__(self, file: str, reason: str, remedy: str) -> None:
        super().__init__(f"{file}: {reason}. {remedy}")
        self.file, self.reason, self.remedy = file, reason, remedy

    def __reduce__(self) -> tuple[type[BookError], tuple[str, str, str]]:
        return type(self), (self.file, self.reason, self.remedy)  # for one that another process raised


class CourseError(CourseTutorError):
    """A course that is unknown, misnamed, empty or held by another writer."""


class EmbeddingError(CourseTutorError):
    """An embedding model that is missing, unsafe or not the one an index was made with."""


class GradingError(CourseTutorError):
    """A sheet of questions that cannot be read, or results that cannot be gone on with."""


class IndexDamagedError(CourseTutorError):
    """A generation whose files do not agree with its manifest."""


class ModelError(CourseTutorError):
    """A language model that cannot be found, loaded, reached, or that failed while answering."""


class TrainError(CourseTutorError):
    """What the training package refused: a recipe, examples, a base model or a run's folder."""


class SettingsError(CourseTutorError):
    """A setting that is unknown or out of range."""
