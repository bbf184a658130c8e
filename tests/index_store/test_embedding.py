"""The embedding model: what it gives, and what is refused before it is loaded."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from index_store.embedding import BUILT_IN_SHA256, DEFAULT_EMBEDDING, embedding_folder, load_embedding
from index_store.errors import EmbeddingError
from index_store.files import sha256_of


def test_vectors_are_unit_length_and_in_the_order_of_their_texts(embedding):
    texts = ["a long sentence about the gravitation of planets and their moons", "heap", "binary search trees"]
    vectors = embedding.embed(texts)
    assert vectors.shape == (3, 384)  # the dimension published for all-MiniLM-L6-v2
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert embedding.embed([text])[0] @ vector > 0.9995  # a batch is padded, and bfloat16 rounds


def test_vectors_are_the_mean_of_the_transformers_last_layer(embedding):
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = embedding_folder(DEFAULT_EMBEDDING)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.no_grad():
        hidden = model(**tokenizer(["a heap is not a search tree"], return_tensors="pt")).last_hidden_state[0]
    mean = hidden.mean(dim=0).numpy()
    assert embedding.embed(["a heap is not a search tree"])[0] @ (mean / np.linalg.norm(mean)) > 0.9995


def test_no_texts_give_no_vectors(embedding):
    assert embedding.embed([]).shape == (0, 384)


def test_tokens_are_counted_without_the_special_ones_and_beyond_the_window(embedding):
    assert embedding.count_tokens("the cat sat") == 3  # three words of the vocabulary
    assert embedding.count_tokens("cat " * 1000) == 1000
    assert embedding.max_tokens == 256


def test_the_key_names_the_model_and_its_weights(embedding):
    weights = embedding_folder(DEFAULT_EMBEDDING) / "model.safetensors"
    assert embedding.key == f"{DEFAULT_EMBEDDING}@{sha256_of(weights)[:16]}"
    assert sha256_of(weights) == BUILT_IN_SHA256


def test_a_copy_of_the_model_in_a_folder_gives_the_same_vectors_under_the_folders_name(embedding, tmp_path):
    shutil.copytree(embedding_folder(DEFAULT_EMBEDDING), tmp_path / "my-model")
    mine = load_embedding(str(tmp_path / "my-model"))
    assert mine.key == f"my-model@{BUILT_IN_SHA256[:16]}"
    np.testing.assert_allclose(mine.embed(["a heap"]), embedding.embed(["a heap"]), atol=1e-6)


def test_through_torch_and_through_openvino_the_vectors_are_the_same(embedding):
    texts = ["heaps", "a binary search tree keeps its keys in order", "Bayes' theorem turns a condition round. " * 20]
    torch_ones = load_embedding(device="cpu")
    assert type(torch_ones.model).__name__ != type(embedding.model).__name__
    assert (torch_ones.embed(texts) * embedding.embed(texts)).sum(axis=1).min() > 0.9995


def test_a_converted_model_is_kept_and_gives_the_same_vectors(embedding, tmp_path):
    first = load_embedding(models=tmp_path)
    (kept,) = tmp_path.glob("*.xml")
    assert kept.stem.startswith(embedding.key)
    second = load_embedding(models=tmp_path)
    np.testing.assert_array_equal(first.embed(["a heap"]), second.embed(["a heap"]))


def test_a_kept_model_that_is_damaged_is_made_anew(embedding, tmp_path):
    load_embedding(models=tmp_path)
    (kept,) = tmp_path.glob("*.xml")
    kept.write_text("no model")
    np.testing.assert_allclose(load_embedding(models=tmp_path).embed(["a heap"]), embedding.embed(["a heap"]), atol=1e-2)


@pytest.mark.parametrize("name", ["no-such-model", "./no/such/folder", "/no/such", "a/b/c", "~/nothing-here"])
def test_a_wrong_name_is_refused_in_one_line_that_says_what_to_give(name):
    with pytest.raises(EmbeddingError) as refused:
        load_embedding(name)
    message = str(refused.value)
    assert repr(name) in message
    assert "Give all-MiniLM-L6-v2, a model folder or a hub id 'owner/name'." in message
    assert "\n" not in message


def test_a_hub_id_that_is_not_here_is_refused_in_one_line_while_the_network_is_closed():
    with pytest.raises(EmbeddingError, match="embedding 'owner/no-such-model' could not be loaded: ") as refused:
        load_embedding("owner/no-such-model")
    assert "\n" not in str(refused.value)


def test_a_folder_with_pickled_weights_only_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EmbeddingError, match="Pickled weights are not loaded"):
        load_embedding(str(tmp_path))


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(EmbeddingError, match="Give a sentence-transformers model folder"):
        load_embedding(str(tmp_path))


def test_a_folder_with_damaged_weights_is_refused_in_one_line(tmp_path):
    shutil.copytree(embedding_folder(DEFAULT_EMBEDDING), tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(EmbeddingError, match="damaged' could not be loaded: ") as refused:
        load_embedding(str(tmp_path / "damaged"))
    assert "\n" not in str(refused.value)


def test_a_sentences_vector_is_the_mean_over_its_tokens_as_read_with_the_passage(embedding):
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = embedding_folder(DEFAULT_EMBEDDING)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    text = "2.3 Heaps\nA heap is a tree. Its root holds the smallest key."
    given = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    offsets = given.pop("offset_mapping")[0]
    with torch.no_grad():
        states = model(**given).last_hidden_state[0]
    second = [i for i, (begin, end) in enumerate(offsets) if end > begin >= text.index("Its root")]
    expected = states[second].mean(dim=0).numpy()
    vectors = embedding.embed_passages([text, "one line"])
    assert [len(found) for found in vectors.sentences] == [2, 1]
    assert vectors.sentences[0][1].astype(np.float32) @ (expected / np.linalg.norm(expected)) > 0.999
    np.testing.assert_allclose(vectors.whole[0], embedding.embed([text])[0], atol=1e-2)


def test_an_embedding_without_token_vectors_counts_the_text_as_one_sentence():
    through_torch = load_embedding(device="cpu")
    vectors = through_torch.embed_passages(["2.3 Heaps\nA heap is a tree. Its root holds the smallest key."])
    np.testing.assert_allclose(vectors.sentences[0][0], vectors.whole[0], atol=1e-3)


def test_sentences_start_where_those_with_vectors_do(embedding):
    text = "2.3 Heaps\nNo. A heap is a tree. Its root holds the smallest key."
    # "No." has too few tokens for a vector of its own, and goes with the sentence behind it.
    starts = embedding.sentence_starts([text, "one line"])
    assert starts == [[10, text.index("Its root")], [0]]
    assert [len(found) for found in embedding.embed_passages([text, "one line"]).sentences] == [2, 1]
