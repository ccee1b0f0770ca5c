"""The filters against those of transformers' `generate`."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from aigc_core.families.token_sampling import sampler, shaped
from aigc_core.tasks.text import Sampling

VOCABULARY = 50
BEFORE = (3, 7, 7, 12, 49, 0)
OFF = {"temperature": 1.0, "top_p": 1.0}


def asked(**values: Any) -> Sampling:
    return Sampling(**{**OFF, **values})


def logits(seed: int = 0, scale: float = 4.0) -> Tensor:
    return torch.randn(1, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * scale


def warped(scores: Tensor, request: Sampling) -> Tensor:
    """What transformers makes of the scores, in its own order."""
    steps = LogitsProcessorList()
    if request.repetition_penalty != 1:
        steps.append(RepetitionPenaltyLogitsProcessor(request.repetition_penalty))
    if request.temperature != 1:
        steps.append(TemperatureLogitsWarper(request.temperature))
    if request.top_k:
        steps.append(TopKLogitsWarper(request.top_k))
    if request.top_p < 1:
        steps.append(TopPLogitsWarper(request.top_p))
    if request.min_p:
        steps.append(MinPLogitsWarper(request.min_p))
    return steps(torch.tensor([BEFORE]), scores.clone())


ASKED = [
    *({"temperature": t} for t in (0.05, 0.7, 2.0)),
    *({"top_k": k} for k in (1, 5, VOCABULARY, 200)),
    *({"top_p": p} for p in (0.05, 0.5, 0.95)),
    *({"min_p": p} for p in (0.01, 0.2, 0.5)),
    *({"repetition_penalty": p} for p in (1.05, 2.0)),
    {"temperature": 0.6, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.3},
    {"temperature": 1.5, "top_k": 3, "top_p": 0.3, "min_p": 0.4, "repetition_penalty": 1.1},
]


@pytest.mark.parametrize("values", ASKED, ids=lambda v: ",".join(f"{k}={x}" for k, x in v.items()))
def test_filters_are_those_of_transformers(values: dict[str, Any]):
    request = asked(**values)
    left = set()
    for seed in range(20):
        scores = logits(seed, scale=1 + seed % 5)
        ours = shaped(scores, request, BEFORE)
        torch.testing.assert_close(ours, warped(scores, request), rtol=1e-6, atol=1e-6)
        left.add(int(ours.isfinite().sum()))
    assert min(left) >= 1
    narrow = any(name in values for name in ("top_p", "min_p")) or 0 < values.get("top_k", 0) < 50
    assert (min(left) < VOCABULARY) == narrow


def test_their_order_is_that_of_generate():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=VOCABULARY, n_positions=8, n_embd=8, n_layer=1, n_head=1)
    model = GPT2LMHeadModel(config)
    settings = GenerationConfig(
        do_sample=True, temperature=0.6, top_k=20, top_p=0.9, min_p=0.05, repetition_penalty=1.3
    )
    model._prepare_special_tokens(settings, False, device="cpu")
    found = model._get_logits_processor(settings, input_ids_seq_length=1, device="cpu")
    assert [type(step) for step in found] == [
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
        MinPLogitsWarper,
    ]


def test_nothing_is_changed_where_all_is_off():
    scores = logits()
    assert torch.equal(shaped(scores, asked(), BEFORE), scores)


def test_what_is_given_stays_as_it_was():
    scores = logits()
    before = scores.clone()
    shaped(scores, asked(**ASKED[-1]), BEFORE)
    assert torch.equal(scores, before)


def test_equal_logits_do_not_all_fall():
    flat = torch.zeros(1, VOCABULARY)
    for values in ASKED:
        assert shaped(flat, asked(**values)).isfinite().any()


def test_greedy_takes_the_likeliest_and_heeds_the_penalty():
    scores = torch.zeros(1, VOCABULARY)
    scores[0, 7], scores[0, 20] = 3.0, 2.0
    assert sampler(asked(temperature=0.0))(scores, BEFORE) == 7
    assert sampler(asked(temperature=0.0, repetition_penalty=2.0))(scores, BEFORE) == 20
    assert sampler(asked(temperature=0.0, top_k=1, repetition_penalty=2.0))(scores, ()) == 7


def test_draws_follow_the_distribution():
    request = asked(temperature=0.8, top_k=4, seed=3)
    scores = logits(1)
    p = shaped(scores, request)[0].softmax(-1)
    draw, count = sampler(request), 4000
    drawn = torch.bincount(torch.tensor([draw(scores, ()) for _ in range(count)]), minlength=50)
    assert (drawn[p == 0] == 0).all()
    deviations = (p * (1 - p) / count).sqrt()
    assert ((drawn / count - p).abs() <= 4.5 * deviations).all()


def test_a_seed_has_its_own_numbers_and_leaves_those_of_others_alone():
    before = torch.get_rng_state()
    scores = logits(scale=0.1)
    first, again, other = (
        [draw(scores, ()) for _ in range(20)]
        for draw in (sampler(asked(seed=5)), sampler(asked(seed=5)), sampler(asked(seed=6)))
    )
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)
