import pytest

from aigc_core.footprint import RUNGS, Footprint, Part, Rung, footprint

ENCODER = Part("text_encoder", 100_000, other=600, block=10_000, layer=4_000)
NETWORK = Part("transformer", 1_000_000, other=0, block=50_000, layer=20_000)
DECODER = Part("vae", 50_000)
PIPELINE = [ENCODER, NETWORK, DECODER]
WHOLE = 1_150_000 * 2 + 600


@pytest.mark.parametrize(
    ("rung", "expected"),
    [
        ("full", Footprint(WHOLE)),
        ("fp8", Footprint(WHOLE - 2_000_000 + 1_300_000)),
        ("offload", Footprint(2_000_000, WHOLE)),
        # Two blocks of the network; the decoder, which has none, comes whole.
        ("group", Footprint(200_000, WHOLE)),
        ("sequential", Footprint(100_000, WHOLE)),
    ],
)
def test_each_rung(rung: Rung, expected: Footprint) -> None:
    assert footprint(PIPELINE, "bfloat16", rung) == expected


def test_dtypes_count_for_numbers_alone() -> None:
    assert footprint([ENCODER], "float32") == Footprint(400_600)
    assert footprint([ENCODER], "float16") == footprint([ENCODER], "bfloat16") == Footprint(200_600)


def test_a_piece_is_never_more_than_its_part() -> None:
    one_block = Part("small", 1000, block=900, layer=900)
    assert footprint([one_block], "float32", "group").device == 4000
    assert footprint([one_block], "float32", "sequential").device == 3600


def test_each_rung_takes_no_more_of_the_device_than_the_one_before() -> None:
    offloads: list[Rung] = ["full", "offload", "group", "sequential"]
    taken = [footprint(PIPELINE, "bfloat16", rung).device for rung in offloads]
    assert taken == sorted(taken, reverse=True)
    assert list(RUNGS) == ["full", "fp8", "offload", "group", "sequential"]


def test_fp8_shrinks_what_denoises_though_a_text_encoder_is_larger() -> None:
    parts = [Part("text_encoder_3", 2_000_000), Part("transformer", 1_000_000)]
    assert footprint(parts, "bfloat16", "fp8").device == 4_000_000 + 1_300_000


def test_a_group_holds_the_largest_layer_though_it_is_in_no_block() -> None:
    with_embedding = Part("", 1_000_000, block=50_000, layer=400_000)
    assert footprint([with_embedding], "bfloat16", "group").device == 800_000


@pytest.mark.parametrize("rung", list(RUNGS))
def test_what_runs_elsewhere_takes_nothing(rung: Rung) -> None:
    assert footprint([], "float32", rung) == Footprint(0, 0)
