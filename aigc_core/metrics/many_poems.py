"""Many quatrains at once: those that the engine would draw one by one, ten times as fast."""

from collections.abc import Sequence

import torch

from aigc_core.catalog import Entry
from aigc_core.families.char_model import CharModel
from aigc_core.families.characters import END
from aigc_core.families.quatrain_plan import Plan
from aigc_core.families.quatrains import load
from aigc_core.families.token_sampling import Draw, sampler
from aigc_core.gate import Gate
from aigc_core.placement import Placement
from aigc_core.tasks.text import Sampling
from aigc_core.tasks.verse import ComposePoem

# Poems that are written together.
BATCH = 250


def loaded(entry: Entry) -> CharModel:
    """A model of verse on the CPU.

    Raises:
        ModelUnavailable: its checkpoint does not fit, or it has not learned verse.
    """
    return load(entry, Placement("cpu", "float32", Gate(), batching=False), lambda: None)


def compose(model: CharModel, requests: Sequence[ComposePoem]) -> list[str]:
    """The poem of each request, in one line.

    Args:
        model: on the CPU.
        requests: without a first line or heads; each has its own seed and so its own poem.
    """
    batches = [requests[start : start + BATCH] for start in range(0, len(requests), BATCH)]
    return [poem for batch in batches for poem in together(model, batch)]


@torch.no_grad()
def together(model: CharModel, requests: Sequence[ComposePoem]) -> list[str]:
    plans = [Plan.of(model, request) for request in requests]
    draws = [bound(model, *both) for both in zip(plans, requests, strict=True)]
    rows = [model.alphabet.encode(plan.sign) for plan in plans]
    end, state, read = model.alphabet.encode(END)[0], None, 0
    for place in range(max(plan.limit for plan in plans)):
        new = 1
        if model.context and read == model.context:
            # As the engine goes on where the context is full: from the last half of it.
            new, read, state = model.context // 2, 0, None
        # A poem at its end is read on with the others and drawn no further.
        logits, state = model.network(torch.tensor([row[-new:] for row in rows]), state)
        read += new
        for row, draw, plan, own in zip(rows, draws, plans, logits, strict=True):
            done = row[-1] == end or place >= plan.limit
            row.append(end if done else draw(own[-1:].float(), row))
        if all(row[-1] == end for row in rows):
            break
    return [model.alphabet.decode(row[1:]).partition(END)[0] for row in rows]


def bound(model: CharModel, plan: Plan, request: ComposePoem) -> Draw:
    wish = Sampling(temperature=request.temperature, top_p=1.0, seed=request.seed)
    return plan.bind(model, sampler(wish))
