"""Answering: what students, instructors and graders touch."""
