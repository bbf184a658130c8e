"""Errors of this package. Every message is one line: place, what is wrong, how to mend it."""

from __future__ import annotations


class TrainingError(Exception):
    """Something the user can mend; `str(error)` is the one line to show."""


class RecipeError(TrainingError):
    """A recipe that cannot be run as it stands; the message names every fault that was found."""


class DataError(TrainingError):
    """Examples that cannot be trained on."""


class RunError(TrainingError):
    """A run folder that is not what a stage, a resumption or a reader needs."""
