"""Generators that write a line of verse in one go: text GANs and their starts."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.checkpoint import load_network
from aigc_core.data.tang_lines import as_text
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.batched import Batched
from aigc_core.families.text_vae import form_of
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request, next_seed
from aigc_core.tasks.verse import SampleVerse
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor


Events = Generator[FamilyEvent, None, None]

WRITING = Text("writing", "正在生成")


class LoadedVerseSampler(Batched):
    """A generator of lines (n, length) of numbers.

    It computes in float64 where the device can. A word is drawn by where a number falls among the
    cumulative probabilities, and in float32 these move with the size of the batch as far as to
    change a word in some thousand lines.
    """

    CHUNK = 8

    def compute(self, rows: "Sequence[Tensor]") -> np.ndarray:
        device, kind = self.placement.device, self.network.bias.dtype
        u, temperature = (tensor.to(device, kind) for tensor in rows)
        drawn: np.ndarray = self.network.sample(u, temperature).cpu().numpy()
        return drawn


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> LoadedVerseSampler:
    """The catalog's network, its weights read strictly, on the placement's device.

    Raises:
        ModelUnavailable: there is no such network, or its checkpoint does not fit.
    """
    import torch

    made = load_network(entry.network_class, entry.folder, entry.revision)
    step()
    # GPUs other than NVIDIA's and AMD's may have none.
    kind = torch.float64 if placement.device.startswith(("cpu", "cuda")) else torch.float32
    return LoadedVerseSampler(made.to(placement.device, kind), placement)


def sample(model: LoadedVerseSampler, request: SampleVerse) -> Events:
    """Lines by their seeds; each `Preview` holds those that are written.

    Nothing makes the generator keep the form. `details["form"]` say whether it did: "kept", or how
    many characters the line has.
    """
    import torch

    seeds = [next_seed(request.seed, place) for place in range(request.count)]
    u = numbers(seeds, model.network.length)
    temperature = torch.full((request.count, 1), request.temperature, dtype=torch.float64)
    written: list[str] = []
    yield Progress(0, request.count, WRITING)
    for part in model.parts(u, temperature):
        written += [as_text(row, model.network.vocabulary) for row in part]
        yield Progress(len(written), request.count, WRITING)
        if len(written) < request.count:
            yield Preview(Writing("\n".join(written)), step=len(written))
    yield Finished(
        tuple(
            Output(Writing(line), seed, {"index": place, "form": form_of(line)})
            for place, (line, seed) in enumerate(zip(written, seeds, strict=True))
        )
    )


def numbers(seeds: Sequence[int], length: int) -> "Tensor":
    """A row (n, length) in 0..1 from each seed alone."""
    import torch

    rng = torch.Generator()
    rows = [
        torch.rand(length, generator=rng.manual_seed(seed), dtype=torch.float64) for seed in seeds
    ]
    return torch.stack(rows)


ANSWERS: dict[type[Request], Answer] = {SampleVerse: sample}
