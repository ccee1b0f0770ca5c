"""`python -m benchmarks.generation`: characters per second that our language models write.

Our Transformer in GPT-2's style against transformers' `GPT2LMHeadModel` with the same random
weights, both with a KV cache, and both write the same text. Ours is the whole answer of a request:
prompt, sampling and an event for each character; theirs is `generate`. The sizes are those of the
Shakespeare models. Beside them stand the networks that ship, which GPT-2's classes cannot hold.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from aigc_core.events import Finished
from aigc_core.families.char_lm import continue_text
from aigc_core.families.char_model import CharModel
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.char_transformer import CharTransformer
from aigc_core.placement import Placement
from aigc_core.tasks import ContinueText
from benchmarks.measure import Series, Target, interleaved, report, table

RATIO = Target(1.0, at_least=True)
VOCABULARY = "\n !$&',-.3:;?" + "".join(map(chr, (*range(65, 91), *range(97, 123))))
CONTEXT, WIDTH, LAYERS, HEADS = 256, 160, 5, 5
PROMPT = "ROMEO:\nBut, soft! what light through yonder window breaks?\n"
WAYS = {
    "greedy": {"temperature": 0.0},
    "temperature 0.7, top-p 0.95": {"temperature": 0.7, "top_p": 0.95},
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=128)
    options = parser.parse_args(arguments)
    assert len(PROMPT) + options.tokens <= CONTEXT
    with report("generation"):
        print(f"{options.tokens} characters, {torch.get_num_threads()} threads\n")
        print(measured(options.rounds, options.tokens))
    return 0


def measured(rounds: int, tokens: int) -> str:
    """All rows; the networks of one way of sampling take turns."""
    torch.manual_seed(0)
    peer = gpt2()
    same = CharTransformer.from_gpt2(peer.state_dict(), vocabulary=VOCABULARY, heads=HEADS)
    models = {
        "CharTransformer, gpt2": loaded(same),
        "CharTransformer, modern": loaded(
            CharTransformer(
                vocabulary=VOCABULARY, context=CONTEXT, width=WIDTH, layers=LAYERS, heads=HEADS
            )
        ),
        "CharLSTM": loaded(CharLSTM(vocabulary=VOCABULARY, embedding=128, width=384)),
    }
    first = next(iter(models.values()))
    rows: list[tuple[str, ...]] = []
    for way, settings in WAYS.items():
        request = ContinueText.ask(prompt=PROMPT, tokens=tokens, **settings)
        writers = [partial(generated, peer, first, request)]
        writers += [partial(text_of, model, request) for model in models.values()]
        theirs_text, ours_text, *_ = (write() for write in writers)
        assert ours_text == theirs_text
        theirs, *paces = interleaved(rounds, *(partial(pace, write) for write in writers))
        rows.append((way, "transformers' GPT-2, generate", theirs.show(digits=0), "1", ""))
        rows += [compared(way, *row, theirs) for row in zip(models, paces, strict=True)]
    return table(("sampling", "", "characters per second", "ratio", "target"), rows)


def compared(way: str, name: str, mine: Series, theirs: Series) -> tuple[str, ...]:
    ratio = mine.over(theirs)
    return way, name, mine.show(digits=0), ratio.show(), RATIO.show(ratio.median)


def gpt2() -> Any:
    """transformers' network with random weights, large enough that its texts are not one letter."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=len(VOCABULARY),
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=None,
        eos_token_id=None,
    )
    made = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made


def loaded(network: Any) -> CharModel:
    return CharModel(network.eval(), Placement("cpu", "float32", Gate(), batching=True))


def text_of(model: CharModel, request: ContinueText) -> str:
    """What a request's answer holds, all its events taken."""
    *_, last = continue_text(model, request)
    assert isinstance(last, Finished)
    media = last.outputs[0].media
    assert isinstance(media, Writing)
    return media.text


def generated(peer: Any, ours: CharModel, request: ContinueText) -> str:
    """What transformers' own loop writes."""
    ids = torch.tensor([ours.alphabet.encode(request.prompt)])
    torch.manual_seed(request.seed)
    drawing = (
        {"do_sample": True, "temperature": request.temperature, "top_p": request.top_p, "top_k": 0}
        if request.temperature
        else {"do_sample": False}
    )
    with torch.inference_mode():
        whole = peer.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=request.tokens,
            pad_token_id=0,
            **drawing,
        )
    return ours.alphabet.decode(whole[0, ids.shape[1] :].tolist())


def pace(write: Callable[[], str]) -> float:
    """Characters per second."""
    start = time.perf_counter()
    text = write()
    return len(text) / (time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
