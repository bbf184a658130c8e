"""Multiple-choice questions, graded by chain of thought: the model reasons, and the option it commits to is read afterwards."""

from tutor.mcqa.choice import Choice, extract

__all__ = ["Choice", "extract"]
