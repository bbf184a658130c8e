"""Books read and embedded on a Ray cluster make the same course as those read here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from index_store.errors import SettingsError
from index_store.generation import read_passages
from index_store.search import CourseSearch
from ingest.cluster import Cluster
from ingest.pipeline import ingest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'course-tutor[cluster]'")

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two processors on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(REPOSITORY)}
    head = subprocess.Popen(
        [
            Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus=2", f"--port={port}",
            "--node-ip-address=127.0.0.1", "--include-dashboard=false", "--object-store-memory=200000000",
            f"--temp-dir={tmp_path_factory.mktemp('ray')}",
        ],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        made = None
        while made is None:
            try:
                made = Cluster()
            except SettingsError:
                assert head.poll() is None, "ray start ended"
                time.sleep(1)
        yield made
        ray.shutdown()
    head.terminate()  # it ends its processes itself
    head.wait(60)


@pytest.mark.long
def test_a_cluster_makes_the_same_course(library, embedding, sample_books, cluster, tmp_path):
    broken = tmp_path / "given" / "broken.pdf"
    broken.parent.mkdir()
    broken.write_bytes(b"%PDF-1.7\ngarbage")
    stages = []
    report = ingest(
        [sample_books, broken], library.course("there"), embedding, library.vectors,
        lambda stage, done, total: stages.append((stage, done, total)), cluster=cluster,
    )  # fmt: skip
    assert report.published
    assert report.embedded == report.passages == cluster.embedded > 100
    (refused,) = report.refused
    assert refused.error.startswith(f"{broken}: ")  # the instructor's own path, not a node's copy
    assert "damaged" in refused.error
    assert {(stage, total) for stage, done, total in stages if done == total} >= {("mechanics.pdf", 18), ("algorithms.pdf", 18)}

    here = ingest([sample_books], library.course("here"), embedding, library.vectors)
    assert here.embedded == 0  # the cluster's vectors are kept as those made here
    assert read_passages(library.course("here").live) == read_passages(library.course("there").live)
    there = CourseSearch(library.course("there"), embedding).search("what is a load factor")
    for hit, same in zip(there, CourseSearch(library.course("here"), embedding).search("what is a load factor"), strict=True):
        assert hit.passage == same.passage
        vector = embedding.embed([hit.passage.embedded_text])[0]
        assert hit.similarity == pytest.approx(float(vector @ embedding.embed(["what is a load factor"])[0]), abs=2e-3)


@pytest.mark.long
def test_what_has_its_vectors_is_not_embedded_there_again(library, embedding, sample_books, cluster):
    ingest([sample_books / "mechanics.pdf"], library.course("one"), embedding, library.vectors)
    before = cluster.embedded
    report = ingest([sample_books], library.course("two"), embedding, library.vectors, cluster=cluster)
    mechanics = next(book for book in report.books if book.file == "mechanics.pdf")
    assert report.embedded == cluster.embedded - before == report.passages - mechanics.passages


def test_a_cluster_that_is_not_there_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(SettingsError) as refused:
        Cluster()
    assert str(refused.value) == (
        "--ray: no Ray cluster at 127.0.0.1:1. Start one with: ray start --head; or set RAY_ADDRESS to its host:port."
    )
