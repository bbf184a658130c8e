"""An optional cross-encoder orders the passages that the search found."""

from __future__ import annotations

import shutil

import pytest
import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from index_store.errors import EmbeddingError
from index_store.reranker import RERANKED, Reranker
from index_store.search import CourseSearch

QUESTION = "what is the load factor of a hash table"


@torch.no_grad()
def score(folder, text):
    """As transformers alone computes it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    return torch.sigmoid(model(**tokenizer(QUESTION, text, truncation=True, max_length=512, return_tensors="pt")).logits).item()


def test_hits_come_in_the_order_of_the_cross_encoders_scores(sample_library, embedding, cross_encoder):
    folder = cross_encoder()
    course = sample_library.course("sample")
    plain = CourseSearch(course, embedding).search(QUESTION, top_k=RERANKED)
    expected = {hit.passage.id: score(folder, hit.passage.embedded_text) for hit in plain}
    hits = CourseSearch(course, embedding, reranker=Reranker(str(folder))).search(QUESTION, top_k=5)
    best = sorted(expected, key=lambda key: -expected[key])[:5]
    assert [hit.passage.id for hit in hits] == best
    assert best != [hit.passage.id for hit in plain[:5]]
    assert [hit.score for hit in hits] == pytest.approx([expected[key] for key in best], abs=1e-4)
    # The cosine that evidence is judged by stays the embedding's.
    cosine = {hit.passage.id: hit.similarity for hit in plain}
    assert [hit.similarity for hit in hits] == pytest.approx([cosine[key] for key in best])


def test_a_classifier_of_several_classes_and_pickled_weights_are_refused_in_one_line(tmp_path, cross_encoder):
    with pytest.raises(EmbeddingError, match="has 3 outputs and is no reranker") as refused:
        Reranker(str(cross_encoder(outputs=3)))
    assert "\n" not in str(refused.value)
    shutil.copytree(cross_encoder(), tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(EmbeddingError, match=r"no \.safetensors weights"):
        Reranker(str(tmp_path / "pickled"))
