"""A text VAE with random weights, through the engine and by its parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry, Licences, Words
from aigc_core.checkpoint import CONFIG, WEIGHTS, digest, read_config
from aigc_core.data.tang_lines import as_numbers, as_text
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.events import Preview, Progress, Result
from aigc_core.families import text_vae
from aigc_core.families.image_sampler import walk
from aigc_core.families.text_vae import ANSWERS, LoadedTextVAE, load, sample_verse, walk_verse
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.models.text_vae import TextVAE
from aigc_core.placement import Placement
from aigc_core.tasks import Request, SampleVerse, WalkVerse
from tests.families.vaes import engine_of
from tests.waiting import end, start

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

FIVE, OTHER, SEVEN = "明月松间照", "清泉石上流", "两岸猿声啼不住"
VOCABULARY = "\n" + "".join(dict.fromkeys(FIVE + OTHER + SEVEN))
MODEL = "small-verse"


def network() -> TextVAE:
    """A network whose lines differ with the latent."""
    torch.manual_seed(0)
    made: TextVAE = TextVAE(vocabulary=VOCABULARY, latent_dim=8, embedding=12, reader=16, writer=24)
    with torch.no_grad():
        made.token.weight.mul_(15)
        made.latent.weight.mul_(8)
        made.down.weight.mul_(3)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    return saved(tmp_path_factory.mktemp("checkpoints") / MODEL)


def saved(folder: Path) -> Entry:
    """The network as a checkpoint on the disk."""
    network().save_pretrained(folder)
    return Entry(
        id=MODEL,
        title=Words(en=MODEL, zh=MODEL),
        about=Words(en="", zh=""),
        family="aigc_core.families.text_vae",
        origin="scratch",
        network="aigc_core.models.text_vae:TextVAE",
        folder=folder,
        revision=digest(folder / WEIGHTS),
        licences=Licences(weights="", data=""),
    )


@pytest.fixture(scope="module")
def engine(entry: Entry) -> Iterator[Engine]:
    made = engine_of(entry)
    yield made
    made.loader.close()


@pytest.fixture
def model() -> LoadedTextVAE:
    return LoadedTextVAE(network(), Placement("cpu", "float32", Gate(), batching=True))


def ask(engine: Engine, request: Request) -> tuple[Artifact, ...]:
    return engine.result(request, model=MODEL).artifacts


def text(artifact: Artifact) -> str:
    assert isinstance(artifact.media, Writing)
    return artifact.media.text


def lines(engine: Engine, **values: Any) -> tuple[list[str], dict[str, Any]]:
    (artifact,) = ask(engine, WalkVerse.ask(**values))
    return text(artifact).split("\n"), artifact.record.details


def test_a_folder_of_weights_is_loaded_as_the_network_it_came_from(entry: Entry):
    steps: list[int] = []
    placement = Placement("cpu", "float32", Gate(), batching=True)
    model = load(entry, placement, lambda: steps.append(1))
    assert steps
    assert read_config(entry.folder)["latent_dim"] == 8
    assert (entry.folder / CONFIG).is_file()
    torch.testing.assert_close(model.mean(FIVE), network().encode(numbers(FIVE))[0][0])
    model.close()
    assert not hasattr(model, "network")


def numbers(line: str) -> torch.Tensor:
    return torch.from_numpy(as_numbers([line], VOCABULARY)).long()


def test_it_answers_the_tasks_of_verse():
    assert set(ANSWERS) == {WalkVerse, SampleVerse}


class TestWalk:
    @pytest.mark.parametrize("path", ["slerp", "lerp"])
    @pytest.mark.parametrize(("line", "line_to"), [(FIVE, OTHER), (SEVEN, SEVEN), (SEVEN, FIVE)])
    def test_it_is_what_the_network_writes_between_the_means(
        self, line: str, line_to: str, path: str, engine: Engine
    ):
        found, details = lines(engine, line=line, line_to=line_to, steps=6, path=path)
        vae = network()
        first, last = (vae.encode(numbers(one))[0][0] for one in (line, line_to))
        assert len(found) == 6
        for place, z in enumerate(walk(first, last, 6, path)):
            allowed = sorted({len(line), len(line_to)})
            if place in (0, 5):
                allowed = [len(line_to if place else line)]
            row = vae.write(z.unsqueeze(0), lengths=allowed, longest=allowed[-1])[0]
            assert found[place] == as_text(row.numpy(), VOCABULARY)
        assert details == {
            "read": [found[0], found[-1]],
            "left_out": ["", ""],
            "lengths": [len(one) for one in found],
        }
        assert details["lengths"][0] == len(line)
        assert details["lengths"][-1] == len(line_to)
        assert set(details["lengths"]) <= {len(line), len(line_to)}

    def test_the_ends_are_the_reconstructions_however_long_the_walk_is(self, engine: Engine):
        for steps in (2, 3, 25):
            found, _ = lines(engine, line=FIVE, line_to=SEVEN, steps=steps)
            back, _ = lines(engine, line=FIVE, line_to=FIVE, steps=2)
            forth, _ = lines(engine, line=SEVEN, line_to=SEVEN, steps=2)
            assert (len(found), found[0], found[-1]) == (steps, back[0], forth[0])

    def test_it_passes_different_lines(self, engine: Engine):
        found, _ = lines(engine, line=FIVE, line_to=OTHER, steps=25)
        assert len(set(found)) > 3

    def test_a_walk_back_is_the_walk_turned_round(self, engine: Engine):
        there, _ = lines(engine, line=FIVE, line_to=OTHER, steps=9)
        back, _ = lines(engine, line=OTHER, line_to=FIVE, steps=9)
        assert back[::-1] == there

    def test_spaces_and_punctuation_are_left_out_and_told(self, engine: Engine):
        plain, _ = lines(engine)
        found, details = lines(engine, line=" 明月、松间照。\n", line_to="《清泉石上流》！")
        assert found == plain
        assert details["left_out"] == [" 、。\n", "《》！"]

    def test_previews_grow_line_by_line_into_the_result(self, engine: Engine):
        *events, result = engine.run(WalkVerse.ask(steps=5), model=MODEL)
        assert isinstance(result, Result)
        whole = text(result.artifacts[0]).split("\n")
        shown = [e.media.text for e in events if isinstance(e, Preview)]  # type: ignore[union-attr]
        assert [preview.split("\n") for preview in shown] == [whole[: n + 1] for n in range(5)]
        steps = [(e.step, e.total) for e in events if isinstance(e, Progress) and e.total]
        assert steps == [(n, 5) for n in range(6)]

    @pytest.mark.parametrize("field", ["line", "line_to"])
    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ("明月松间龘", ["龘"]),
            ("hello", ["h e l o"]),
            ("明月松间照😀", ["😀"]),
            ("<b>明月松间", ["‹ b ›"]),
            ("龘龘靐齉龘", ["龘 靐 齉"]),
            ("明月松间", ["明月松间", "4"]),
            ("明月松间照清", ["6"]),
            ("明月松间照，清泉石上流", ["10"]),
            ("，。 ", ["0"]),
        ],
    )
    def test_other_lines_are_refused_by_what_is_wrong(
        self, given: str, named: list[str], field: str, model: LoadedTextVAE
    ):
        with pytest.raises(InvalidRequest) as caught:
            next(walk_verse(model, WalkVerse.ask(**{field: given})))
        for language in caught.value.text:
            assert all(name in language for name in named)

    def test_the_end_sign_is_no_character_of_a_line(self, model: LoadedTextVAE):
        assert text_vae.read(VOCABULARY, "明月\n松间照") == (FIVE, "\n")


class TestSamples:
    def test_line_i_is_the_first_of_seed_plus_i(self, engine: Engine):
        many = ask(engine, SampleVerse.ask(count=20, seed=2**31 - 10))
        for place, artifact in enumerate(many):
            seed = (2**31 - 10 + place) % 2**31
            assert artifact.record.seed == seed
            assert artifact.record.details["index"] == place
            (alone,) = ask(engine, SampleVerse.ask(count=1, seed=seed))
            assert text(alone) == text(artifact)

    def test_seeds_and_temperatures_make_different_lines(self, engine: Engine):
        some = [text(a) for a in ask(engine, SampleVerse.ask(count=30))]
        cold = [text(a) for a in ask(engine, SampleVerse.ask(count=30, temperature=0.1))]
        assert len(set(some)) > 20
        assert some != cold

    def test_the_form_is_told(self, engine: Engine):
        forms = set()
        for artifact in ask(engine, SampleVerse.ask(count=60)):
            form = artifact.record.details["form"]
            written = len(text(artifact))
            assert form == ("kept" if written in (5, 7) else f"{written} characters")
            forms.add(form)
        assert len(forms) > 1

    def test_cold_lines_follow_the_latent_alone(self, model: LoadedTextVAE):
        request = SampleVerse.ask(count=10, temperature=0.1, seed=3)
        *_, finished = sample_verse(model, request)
        for output in finished.outputs:  # type: ignore[union-attr]
            rng = torch.Generator().manual_seed(output.seed)
            z = torch.randn(8, generator=rng)
            row = model.network.write(z.unsqueeze(0), temperature=0.1, rng=rng)[0]
            assert output.media == Writing(as_text(row.numpy(), VOCABULARY))

    def test_previews_show_all_lines_so_far(self, engine: Engine):
        *events, result = engine.run(SampleVerse.ask(count=4), model=MODEL)
        assert isinstance(result, Result)
        whole = [text(artifact) for artifact in result.artifacts]
        shown = [e.media.text for e in events if isinstance(e, Preview)]  # type: ignore[union-attr]
        assert shown == ["\n".join(whole[: n + 1]) for n in range(4)]


class TestRuns:
    def test_the_random_numbers_of_others_are_left_alone(self, model: LoadedTextVAE):
        before = torch.get_rng_state()
        list(sample_verse(model, SampleVerse.ask(count=3)))
        assert torch.equal(torch.get_rng_state(), before)

    def test_a_run_stops_within_a_line_and_holds_no_gate(self, model: LoadedTextVAE):
        written: list[int] = []
        model.network.writer.register_forward_hook(lambda *_: written.append(1))
        for request in (WalkVerse.ask(), SampleVerse.ask()):
            written.clear()
            events = ANSWERS[type(request)](model, request)
            while not isinstance(next(events), Preview):
                pass
            # Hangs if the run still is inside the gate.
            end(start(lambda: enter(model.placement.gate)))
            events.close()
            assert len(written) <= 8

    def test_events_may_be_taken_on_several_threads(self, model: LoadedTextVAE):
        request = WalkVerse.ask(steps=4)
        expected = list(walk_verse(model, request))
        events: list[Any] = []
        stream = walk_verse(model, request)
        for _ in expected:
            end(start(lambda: events.append(next(stream))))
        assert events == expected


def enter(gate: Gate) -> None:
    with gate.building():
        pass
