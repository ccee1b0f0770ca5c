"""Tiny encoder-decoders of real architectures with random weights, as `stand_ins`."""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from tests.stand_ins import BUILDERS, CORPUS, made, saved

ENGLISH, CHINESE = CORPUS
SIGN = ">>cmn_Hans<<"


def marian_en_zh(folder: Path, seed: int = 0) -> Path:
    """A Marian translator from English, which is told what kind of Chinese it is to write."""
    return marian(folder, ("eng", ENGLISH), ("zho", CHINESE), [SIGN], seed)


def marian_zh_en(folder: Path, seed: int = 1) -> Path:
    return marian(folder, ("zho", CHINESE), ("eng", ENGLISH), [], seed)


def marian(
    folder: Path, source: tuple[str, str], target: tuple[str, str], signs: list[str], seed: int
) -> Path:
    """A MarianMTModel with its tokenizer over two models of SentencePiece.

    Args:
        source: the code of the language, and a text in it.
        target: the same.
        signs: what the first token of a source may say.
    """
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    models = [sentence_pieces(text) for _, text in (source, target)]
    pieces = dict.fromkeys(piece for model in models for piece in pieces_of(model))
    words = ["</s>", "<unk>", *signs, *pieces, "<pad>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({word: n for n, word in enumerate(words)}), "utf-8")
    for name, model in zip(("source", "target"), models, strict=True):
        (folder / f"{name}.spm").write_bytes(model)
    tokenizer = MarianTokenizer(
        str(folder / "source.spm"),
        str(folder / "target.spm"),
        str(vocabulary),
        source_lang=source[0],
        target_lang=target[0],
    )
    config = MarianConfig(
        vocab_size=len(words),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=96,
        pad_token_id=len(words) - 1,
        decoder_start_token_id=len(words) - 1,
        eos_token_id=0,
        forced_eos_token_id=None,
        activation_function="swish",
        scale_embedding=True,
    )
    network = stirred(made(MarianMTModel, config, seed), inner=12, words=12)
    network.final_logits_bias[0, 0] = 2.5  # So that some translations come to an end.
    network.generation_config.bad_words_ids = [[len(words) - 1]]
    return saved(folder, network, tokenizer)


def t5(folder: Path, seed: int = 0) -> Path:
    """A T5 of the later kind, which gates its inner layers, with a tokenizer that knows English."""
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *unigrams(ENGLISH)]
    tokenizer = T5Tokenizer(vocab=words, extra_ids=0, model_max_length=96)
    config = T5Config(
        vocab_size=len(words),
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        n_positions=96,
        feed_forward_proj="gated-gelu",
        decoder_start_token_id=0,
    )
    network = stirred(made(T5ForConditionalGeneration, config, seed), inner=4, words=0.5)
    return saved(folder, network, tokenizer)


def stirred(network: Any, *, inner: float, words: float) -> Any:
    """A network with other weights, so that what it writes depends on what it reads.

    Args:
        inner: the factor of its matrices, but for those of words and of positions.
        words: that of the words.
    """
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1 and "position" not in name:
                weight.mul_(words if "shared" in name or "lm_head" in name else inner)
    return network


def sentence_pieces(text: str) -> bytes:
    """A model of SentencePiece, trained on a text."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text] * 4),
        model_writer=written,
        vocab_size=120,
        hard_vocab_limit=False,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    return written.getvalue()


def pieces_of(model: bytes) -> Iterable[str]:
    import sentencepiece

    processor: Any = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model)
    pieces = (processor.IdToPiece(number) for number in range(processor.GetPieceSize()))
    return [piece for piece in pieces if piece not in ("<unk>", "<s>", "</s>")]


def unigrams(text: str) -> list[tuple[str, float]]:
    """Pieces of a text and their log-probabilities."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=120, show_progress=False, unk_token="<unk>")
    trained.train_from_iterator([text] * 4, trainer)
    found = json.loads(trained.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in found if piece != "<unk>"]


BUILDERS |= {"marian-en-zh": marian_en_zh, "marian-zh-en": marian_zh_en, "t5": t5}
