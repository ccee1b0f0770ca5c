"""The Transformer against transformers' GPT-2 with the same weights, and against itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from aigc_core.models.char_transformer import CharTransformer, Rotary, Watch

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

VOCABULARY = "".join(map(chr, range(97, 97 + 23)))
CONTEXT, WIDTH, LAYERS, HEADS = 24, 32, 3, 4


@pytest.fixture(scope="module")
def gpt2() -> Any:
    """GPT-2 with weights far larger than those that a training starts from."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(VOCABULARY),
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        attn_implementation="eager",
    )
    made = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return made


@pytest.fixture(scope="module")
def ours(gpt2: Any) -> CharTransformer:
    made = CharTransformer.from_gpt2(gpt2.state_dict(), vocabulary=VOCABULARY, heads=HEADS)
    return made.eval()


@pytest.fixture(scope="module")
def modern() -> CharTransformer:
    torch.manual_seed(1)
    made = CharTransformer(
        vocabulary=VOCABULARY, context=CONTEXT, width=WIDTH, layers=LAYERS, heads=HEADS
    )
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return made.eval()


@pytest.fixture(params=["gpt2", "modern"])
def network(
    request: pytest.FixtureRequest, ours: CharTransformer, modern: CharTransformer
) -> CharTransformer:
    return ours if request.param == "gpt2" else modern


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def texts(n: int = 2, t: int = CONTEXT) -> Tensor:
    return torch.randint(len(VOCABULARY), (n, t), generator=torch.Generator().manual_seed(2))


@contextmanager
def without_heads(gpt2: Any, off: list[tuple[int, int]]) -> Iterator[None]:
    """GPT-2 whose heads' parts of what `c_proj` reads are zeros."""
    d = WIDTH // HEADS

    def zeroed(layer: int) -> Any:
        def hook(_: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            mixed = inputs[0].clone()
            for at, head in off:
                if at == layer:
                    mixed[..., head * d : (head + 1) * d] = 0
            return (mixed,)

        return hook

    hooks = [
        block.attn.c_proj.register_forward_pre_hook(zeroed(layer))
        for layer, block in enumerate(gpt2.transformer.h)
    ]
    yield
    for hook in hooks:
        hook.remove()


class TestGPT2:
    @pytest.mark.parametrize("t", [1, 7, CONTEXT])
    def test_logits_are_gpt2s(self, t: int, gpt2: Any, ours: CharTransformer):
        ids = texts(3, t)
        logits, _ = ours(ids)
        assert float(logits.std()) > 1
        torch.testing.assert_close(logits, gpt2(ids).logits, atol=1e-4, rtol=0)

    @pytest.mark.parametrize("pieces", [[1] * CONTEXT, [5, 1, 1, 10, 7], [23, 1]])
    def test_with_a_cache_too(self, pieces: list[int], gpt2: Any, ours: CharTransformer):
        cache, past = None, None
        for ids in texts().split(pieces, dim=1):
            answer = gpt2(ids, past_key_values=cache, use_cache=True)
            cache = answer.past_key_values
            logits, past = ours(ids, past)
            torch.testing.assert_close(logits, answer.logits, atol=1e-4, rtol=0)

    def test_attention_is_gpt2s(self, gpt2: Any, ours: CharTransformer):
        ids, watch = texts(), Watch()
        ours(ids, None, watch)
        maps = gpt2(ids, output_attentions=True).attentions
        assert len(watch.maps) == LAYERS
        for map, expected in zip(watch.maps, maps, strict=True):
            torch.testing.assert_close(map, expected, atol=1e-5, rtol=0)

    @pytest.mark.parametrize("off", [[(0, 0)], [(1, 3), (2, 0), (2, 1)]])
    def test_a_head_that_is_off_adds_nothing(
        self, off: list[tuple[int, int]], gpt2: Any, ours: CharTransformer
    ):
        ids = texts()
        whole, _ = ours(ids)
        logits, _ = ours(ids, None, Watch(off=off))
        with without_heads(gpt2, off):
            expected = gpt2(ids).logits
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)
        assert not torch.allclose(logits, whole, atol=1e-2)

    def test_every_weight_is_taken(self, gpt2: Any, ours: CharTransformer):
        mine = {name: w.numel() for name, w in ours.named_parameters()}
        assert sum(mine.values()) == sum(w.numel() for w in gpt2.parameters())


class TestBothStyles:
    @pytest.mark.parametrize("pieces", [[1] * CONTEXT, [9, 1, 3, 11]])
    def test_a_cache_changes_nothing(self, pieces: list[int], network: CharTransformer):
        ids, past, parts = texts(), None, []
        for part in ids.split(pieces, dim=1):
            logits, past = network(part, past)
            parts.append(logits)
        torch.testing.assert_close(torch.cat(parts, 1), network(ids)[0], atol=1e-4, rtol=0)

    def test_nothing_looks_ahead(self, network: CharTransformer):
        ids = texts(1)
        other = ids.clone()
        other[0, 10:] = (other[0, 10:] + 1) % len(VOCABULARY)
        a, b = network(ids)[0][0], network(other)[0][0]
        torch.testing.assert_close(a[:10], b[:10])
        assert not torch.allclose(a[10:], b[10:], atol=1e-2)

    def test_being_watched_changes_nothing(self, network: CharTransformer):
        ids, watch = texts(), Watch()
        torch.testing.assert_close(network(ids, None, watch)[0], network(ids)[0], atol=1e-4, rtol=0)
        for map in watch.maps:
            assert map.shape == (2, HEADS, CONTEXT, CONTEXT)
            torch.testing.assert_close(map.sum(3), torch.ones(2, HEADS, CONTEXT))
            assert not map.triu(1).any()

    def test_being_watched_with_a_cache_changes_nothing(self, network: CharTransformer):
        ids = texts()
        whole, rest = Watch(), Watch()
        network(ids, None, whole)
        _, past = network(ids[:, :15])
        network(ids[:, 15:], past, rest)
        for map, expected in zip(rest.maps, whole.maps, strict=True):
            torch.testing.assert_close(map, expected[:, :, 15:], atol=1e-5, rtol=0)

    def test_order_matters(self, network: CharTransformer):
        ids = texts(1)
        swapped = ids[:, [1, 0, *range(2, CONTEXT)]]
        assert not torch.allclose(network(ids)[0][0, -1], network(swapped)[0][0, -1], atol=1e-3)

    def test_it_learns_to_copy_the_character_before(self, network: CharTransformer):
        torch.manual_seed(3)
        style = "gpt2" if network.place is not None else "modern"
        small = CharTransformer(
            vocabulary="abcd", context=8, width=16, layers=1, heads=2, dropout=0, style=style
        )
        adam = torch.optim.Adam(small.parameters(), lr=0.02)
        ids = torch.randint(4, (64, 1)).expand(64, 8)
        with torch.enable_grad():
            for _ in range(40):
                loss = torch.nn.functional.cross_entropy(
                    small(ids[:, :-1])[0].flatten(0, 1), ids[:, 1:].flatten()
                )
                adam.zero_grad()
                loss.backward()
                adam.step()
        assert float(loss) < 0.1


def test_a_turn_keeps_lengths_and_tells_distances_alone():
    d, places = 8, torch.arange(50)
    rotary = Rotary.at(places, d)
    q, k = (torch.randn(d).expand(1, 1, 50, d) for _ in range(2))
    a, b = rotary.of(q)[0, 0], rotary.of(k)[0, 0]
    torch.testing.assert_close(a.norm(dim=1), q[0, 0].norm(dim=1))
    scores = a @ b.T
    for apart in (0, 3, 17):
        line = scores.diagonal(-apart)
        torch.testing.assert_close(line, line[:1].expand_as(line), atol=1e-4, rtol=0)
    # As complex numbers: the first half real, the second imaginary.
    x = torch.complex(q[0, 0, :, :4], q[0, 0, :, 4:])
    angle = places.unsqueeze(1) * 10_000.0 ** (-torch.arange(4) / 4)
    expected = x * torch.exp(1j * angle)
    torch.testing.assert_close(torch.complex(a[:, :4], a[:, 4:]), expected, atol=1e-5, rtol=0)
