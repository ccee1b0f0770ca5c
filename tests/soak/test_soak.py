"""Minutes of use, on stand-ins (random weights): `pytest -m slow`."""

import gc
import threading
import time
import weakref
from collections import Counter
from typing import Any

import pytest

from aigc_core.errors import AigcError
from benchmarks.soak import ASKED, FIRST, GROWTH, growth, switch
from benchmarks.stage import stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SECONDS, THREADS = 60.0, 6


def test_memory_does_not_grow_over_500_switches() -> None:
    memory = switch(500)
    assert len(memory) == 500 > FIRST
    assert GROWTH.met(growth(memory) / 1e3)


def test_six_threads_load_and_run_pipelines_for_a_minute() -> None:
    """Loads beside runs leave no weight on `meta`, none in another dtype, and raise nothing."""
    mistakes: list[object] = []
    done: Counter[str] = Counter()
    dead: list[weakref.ref[Any]] = []
    with stage(*ASKED) as house:
        engine = house.engine()
        expected = {
            model: made(engine.result(request, model=model)) for model, request in ASKED.items()
        }
        end = time.monotonic() + SECONDS

        def work(place: int) -> None:
            turn = place
            while time.monotonic() < end:
                model = list(ASKED)[turn % len(ASKED)]
                turn += 1
                try:
                    if made(engine.result(ASKED[model], model=model)) != expected[model]:
                        mistakes.append(f"{model} made something else")
                    with engine.loader.lease(model) as loaded:
                        mistakes.extend(wrong(loaded))
                        dead.append(weakref.ref(loaded))
                    if turn % 3 == 0:
                        engine.loader.evict(model)
                    done[model] += 1
                except (AigcError, RuntimeError, NotImplementedError, TypeError) as error:
                    mistakes.append(error)

        threads = [threading.Thread(target=work, args=(place,)) for place in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = engine.loader.status().counts
        engine.loader.close()
    assert mistakes == []
    assert min(done[model] for model in ASKED) >= 10
    assert counts.loads > 10
    gc.collect()
    assert [ref() for ref in dead if ref() is not None] == []


def made(result: Any) -> object:
    (artifact,) = result.artifacts
    media = artifact.media
    return media.text if hasattr(media, "text") else media.pixels.tobytes()


def wrong(loaded: Any) -> list[str]:
    """Weights that are not where or what they should be."""
    networks = (
        [part for part in loaded.pipe.components.values() if hasattr(part, "named_parameters")]
        if hasattr(loaded, "pipe")
        else [loaded.network]
    )
    return [
        f"{name} is {weight.dtype} on {weight.device}"
        for network in networks
        for name, weight in network.named_parameters()
        if weight.device.type == "meta" or str(weight.dtype) != "torch.float32"
    ]
