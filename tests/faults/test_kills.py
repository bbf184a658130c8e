"""An ingest killed at random moments, while two processes ask: a few rounds of benchmarks/kills.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
KILLS = 2


@pytest.mark.long
def test_kills_at_random_moments_break_no_answer_and_leave_nothing_behind(tmp_path, typeset):
    chapters = [
        f"= Chapter {chapter}\n" + "\n\n".join(f"Rule {chapter}.{n} binds lens {n} to mirror {chapter}." for n in range(9))
        for chapter in range(12)
    ]
    typeset(tmp_path / "optics.pdf", "\n#pagebreak()\n".join(chapters))
    done = subprocess.run(
        [sys.executable, "benchmarks/kills.py", "--books", str(tmp_path / "optics.pdf"), "--kills", str(KILLS)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", done.stdout, re.MULTILINE))
    assert int(table["questions asked meanwhile"].replace(",", "")) > KILLS
    nothing = ("failed", "answers of neither state", "locks not free after a kill", "torn generations not swept")
    assert {table[row] for row in nothing} == {"0"}
    assert table["differences of the last ingest from an untouched one"] == "none"
