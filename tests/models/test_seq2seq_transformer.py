"""The translator against PyTorch's own Transformer, and its cache against the whole pass."""

import pytest
import torch
from torch import Tensor, nn

from aigc_core.models.beam_search import BeamSearch
from aigc_core.models.seq2seq_transformer import Attention, Looked, Seq2SeqTransformer, sinusoids

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

WORDS, START, END = 31, 0, 1
SIZES = {"words": WORDS, "width": 24, "inner": 40, "layers": 3, "heads": 4}


@pytest.fixture(scope="module")
def network() -> Seq2SeqTransformer:
    torch.manual_seed(0)
    made = Seq2SeqTransformer(**SIZES, dropout=0.3).eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            # Biases and norms too must be where they belong.
            if weight.ndim == 1:
                weight.add_(torch.randn_like(weight) * 0.1)
            if name == "word.weight":
                weight.mul_(3)
    return made


@pytest.fixture(scope="module")
def pairs() -> tuple[Tensor, Tensor]:
    """Three sentences of different lengths and what is written of them, -1 where nothing is."""
    rng = torch.Generator().manual_seed(1)
    source = torch.randint(2, WORDS, (3, 9), generator=rng)
    target = torch.randint(2, WORDS, (3, 7), generator=rng)
    target[:, 0] = START
    for row, (s, t) in enumerate(((9, 4), (5, 7), (7, 6))):
        source[row, s:], target[row, t:] = -1, -1
    return source, target


def twin(network: Seq2SeqTransformer) -> nn.Transformer:
    """PyTorch's Transformer with the same weights."""
    made = nn.Transformer(
        d_model=SIZES["width"],
        nhead=SIZES["heads"],
        num_encoder_layers=SIZES["layers"],
        num_decoder_layers=SIZES["layers"],
        dim_feedforward=SIZES["inner"],
        dropout=0.0,
        batch_first=True,
        norm_first=True,
    ).eval()
    with torch.no_grad():
        for ours, theirs in zip(network.encoder, made.encoder.layers, strict=True):
            copy_attention(ours.look, theirs.self_attn)
            copy(ours.norm, theirs.norm1)
            copy(ours.then.norm, theirs.norm2)
            copy(ours.then.first, theirs.linear1)
            copy(ours.then.second, theirs.linear2)
        for ours, theirs in zip(network.decoder, made.decoder.layers, strict=True):
            copy_attention(ours.look, theirs.self_attn)
            copy_attention(ours.across, theirs.multihead_attn)
            copy(ours.norm, theirs.norm1)
            copy(ours.across_norm, theirs.norm2)
            copy(ours.then.norm, theirs.norm3)
            copy(ours.then.first, theirs.linear1)
            copy(ours.then.second, theirs.linear2)
        copy(network.encoder_norm, made.encoder.norm)
        copy(network.decoder_norm, made.decoder.norm)
    return made


def copy(ours: nn.Module, theirs: nn.Module) -> None:
    theirs.load_state_dict(ours.state_dict())


def copy_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    copy(ours.out, theirs.out_proj)


@torch.no_grad()
def test_its_logits_are_those_of_torchs_transformer(
    network: Seq2SeqTransformer, pairs: tuple[Tensor, Tensor]
):
    source, target = pairs

    def vectors(ids: Tensor) -> Tensor:
        places = sinusoids(torch.arange(ids.shape[1]), SIZES["width"])
        return network.word(ids.clamp(min=0)) * SIZES["width"] ** 0.5 + places

    theirs = twin(network)(
        vectors(source),
        vectors(target),
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(target.shape[1]),
        tgt_is_causal=True,
        src_key_padding_mask=source < 0,
        memory_key_padding_mask=source < 0,
    )
    wanted = theirs @ network.word.weight.T
    ours = network(source, target)
    assert (ours - wanted)[target >= 0].abs().max() < 1e-4
    assert wanted.abs().max() > 1


def test_positions_are_sines_and_cosines_of_the_paper():
    found = sinusoids(torch.tensor([0, 5]), 6)
    for place, row in zip((0, 5), found, strict=True):
        for i in range(3):
            angle = torch.tensor(place / 10_000 ** (2 * i / 6))
            assert row[2 * i] == pytest.approx(angle.sin().item(), abs=1e-6)
            assert row[2 * i + 1] == pytest.approx(angle.cos().item(), abs=1e-6)


@torch.no_grad()
def test_word_by_word_is_as_all_at_once(network: Seq2SeqTransformer, pairs: tuple[Tensor, Tensor]):
    source, target = pairs
    whole = network(source, target)
    past = network.encode(source)
    for place in range(target.shape[1]):
        logits, past = network.decode(target[:, place : place + 1].clamp(min=0), past)
        assert torch.allclose(logits[:, 0], whole[:, place], atol=1e-5)
    # And several words after several.
    _, past = network.decode(target[:, :3].clamp(min=0), network.encode(source))
    logits, _ = network.decode(target[:, 3:].clamp(min=0), past)
    assert torch.allclose(logits, whole[:, 3:], atol=1e-5)


@torch.no_grad()
def test_what_fills_up_a_row_changes_nothing(
    network: Seq2SeqTransformer, pairs: tuple[Tensor, Tensor]
):
    source, target = pairs
    together = network(source, target)
    for row in range(3):
        s, t = (int((side[row] >= 0).sum()) for side in pairs)
        alone = network(source[row : row + 1, :s], target[row : row + 1, :t])
        assert torch.allclose(alone[0], together[row, :t], atol=1e-5)


@torch.no_grad()
def test_nothing_looks_ahead(network: Seq2SeqTransformer, pairs: tuple[Tensor, Tensor]):
    source, target = pairs
    other = target.clone()
    other[:, 4:] = 5
    assert torch.allclose(network(source, target)[:, :4], network(source, other)[:, :4], atol=1e-6)


@torch.no_grad()
def test_who_looks_at_the_heads_sees_weights_and_disturbs_nothing(
    network: Seq2SeqTransformer, pairs: tuple[Tensor, Tensor]
):
    source, target = pairs
    looked = Looked()
    logits, _ = network.decode(target.clamp(min=0), network.encode(source), looked)
    assert torch.allclose(logits, network(source, target), atol=1e-5)
    assert [tuple(weights.shape) for weights in looked.maps] == [(3, 4, 7, 9)] * 3
    for weights in looked.maps:
        assert torch.allclose(weights.sum(3), torch.ones(3, 4, 7), atol=1e-5)
        assert weights[1, :, :, 5:].abs().max() == 0


@torch.no_grad()
def test_a_search_writes_what_the_network_finds_likely(
    network: Seq2SeqTransformer, pairs: tuple[Tensor, Tensor]
):
    source, _ = pairs
    search = BeamSearch(3, start=START, ends=[END], beams=4, longest=8)
    found = network.translate(source, search)
    for row, beams in enumerate(found):
        assert len(beams) == 4
        for beam in beams:
            whole = [*beam.words, END] if len(beam.words) < 8 else beam.words
            before = torch.tensor([[START, *whole[:-1]]])
            s = int((source[row] >= 0).sum())
            chances = network(source[row : row + 1, :s], before).log_softmax(2)[0]
            total = sum(chances[at, word].item() for at, word in enumerate(whole))
            assert beam.score == pytest.approx(total / len(whole), abs=1e-4)
    greedy = network.translate(source, BeamSearch(3, start=START, ends=[END], beams=1, longest=8))
    assert all(
        best[0].score >= plain[0].score - 1e-5 for best, plain in zip(found, greedy, strict=True)
    )
