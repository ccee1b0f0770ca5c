"""Text VAEs of single lines of verse: walks between two lines, and lines from nothing."""

import unicodedata
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_core.catalog import Entry
from aigc_core.checkpoint import load_network
from aigc_core.data.tang_lines import LONGEST, as_numbers, as_text
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.image_sampler import walk
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request, brief, next_seed
from aigc_core.tasks.verse import SampleVerse, WalkVerse
from aigc_core.text import Text
from aigc_core.verse import LENGTHS

if TYPE_CHECKING:
    from torch import Generator as Random
    from torch import Tensor

    from aigc_core.models.text_vae import TextVAE

Events = Generator[FamilyEvent, None, None]

READING = Text("reading the lines", "正在读取诗句")
WRITING = Text("writing", "正在生成")
UNKNOWN = Text(
    "This model does not know: {characters}. It knows the characters of Tang verse, in "
    "simplified script.",
    "此模型不认识：{characters}。它只认识唐诗中的简体字。",
)
NO_LINE = Text(
    "A line has five or seven characters; “{line}” has {count}.",
    "一句应为五字或七字；“{line}”有 {count} 字。",
)


@dataclass
class LoadedTextVAE:
    """A text VAE on its device. Lines go through it one by one, so that each is its own."""

    network: "TextVAE"
    placement: Placement

    def mean(self, line: str) -> "Tensor":
        """The middle (latent_dim,) of what the encoder takes a line for, on the CPU."""
        import torch

        x = torch.from_numpy(as_numbers([line], self.network.vocabulary)).long()
        with self.placement.gate.step(), torch.inference_mode():
            return self.network.encode(x.to(self.placement.device))[0][0].float().cpu()

    def write(
        self,
        z: "Tensor",
        *,
        lengths: Sequence[int] = (),
        temperature: float = 0.0,
        rng: "Random | None" = None,
    ) -> str:
        """The line for z (latent_dim,); see `TextVAE.write`."""
        import torch

        with self.placement.gate.step(), torch.inference_mode():
            rows = self.network.write(
                z.unsqueeze(0).to(self.placement.device),
                lengths=lengths,
                longest=max(lengths, default=LONGEST),
                temperature=temperature,
                rng=rng,
            )
        return as_text(rows[0].cpu().numpy(), self.network.vocabulary)

    def close(self) -> None:
        del self.network


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> LoadedTextVAE:
    """The catalog's network, its weights read strictly, on the placement's device.

    Raises:
        ModelUnavailable: there is no such network, or its checkpoint does not fit.
    """
    made = load_network(entry.network_class, entry.folder, entry.revision)
    step()
    return LoadedTextVAE(made.to(placement.device), placement)


def walk_verse(model: LoadedTextVAE, request: WalkVerse) -> Events:
    """The likeliest line at each point between two lines' latents, character by character.

    The ends have the lengths of the visitor's lines. Where these differ, the decoder says which of
    the two a line between them has: it ends after five characters where it finds that likelier
    than going on. `details["lengths"]` tell what came of it.
    """
    ends = [read(model.network.vocabulary, line) for line in (request.line, request.line_to)]
    yield Progress(0, request.steps, READING)
    start, end = (model.mean(line) for line, _ in ends)
    first, last = (len(line) for line, _ in ends)
    written: list[str] = []
    for place, z in enumerate(walk(start, end, request.steps, request.path)):
        allowed = {0: {first}, request.steps - 1: {last}}.get(place, {first, last})
        written.append(model.write(z, lengths=sorted(allowed)))
        yield Progress(place + 1, request.steps, WRITING)
        yield Preview(Writing("\n".join(written)), step=place + 1)
    details = {
        "read": [written[0], written[-1]],
        "left_out": [left_out for _, left_out in ends],
        "lengths": [len(line) for line in written],
    }
    yield Finished((Output(Writing("\n".join(written)), seed=0, details=details),))


def sample_verse(model: LoadedTextVAE, request: SampleVerse) -> Events:
    """Lines from z ~ N(0, I). Nothing makes the decoder keep the form; `details` say if it does."""
    import torch

    yield Progress(0, request.count, WRITING)
    outputs: list[Output] = []
    for place in range(request.count):
        seed = next_seed(request.seed, place)
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn(model.network.latent_dim, generator=rng)
        line = model.write(z, temperature=request.temperature, rng=rng)
        outputs.append(Output(Writing(line), seed, {"index": place, "form": form_of(line)}))
        yield Progress(place + 1, request.count, WRITING)
        yield Preview(Writing("\n".join(text_of(output) for output in outputs)), step=place + 1)
    yield Finished(tuple(outputs))


def read(vocabulary: str, line: str) -> tuple[str, str]:
    """A visitor's line without spaces and punctuation, and what was left out.

    Raises:
        InvalidRequest: it holds characters that the model does not know, or it has neither five
            nor seven.
    """
    passed_over = [c for c in line if unicodedata.category(c)[0] in "CPZ"]
    kept = "".join(c for c in line if c not in passed_over)
    if unknown := [c for c in dict.fromkeys(kept) if c not in vocabulary]:
        raise InvalidRequest(UNKNOWN, characters=brief(" ".join(unknown)))
    if len(kept) not in LENGTHS:
        raise InvalidRequest(NO_LINE, line=brief(kept), count=len(kept))
    return kept, "".join(passed_over)


def form_of(line: str) -> str:
    """What `details` say of a line's form: that it is kept, or how many characters there are."""
    return "kept" if len(line) in LENGTHS else f"{len(line)} characters"


def text_of(output: Output) -> str:
    assert isinstance(output.media, Writing)
    return output.media.text


ANSWERS: dict[type[Request], Answer] = {WalkVerse: walk_verse, SampleVerse: sample_verse}
