"""One or two models' views of a text side by side, drawn by a script of the page.

The visitor's models are chips; the last two that were chosen have a pane each. A pane's script
keeps in it what it wants of the server besides what the controls say, its wish (see pair.js).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.media import Writing
from aigc_core.tasks import Request
from aigc_core.text import Text
from apps.text import panes
from apps.text.answers import candidates
from apps.text.lineup import NONE_HERE, must_be_here, present
from apps.text.tokens import visible
from apps.ui.controls import model_chips
from apps.ui.language import both, t
from apps.ui.pages import opened
from apps.ui.runs import QUIET, guarded

SHARED = Path(__file__).with_suffix(".js")
SIDES = (0, 1)
# The values of the controls, the first the text, then the model and what the pane wishes.
ASKED = """(...values) => {{
  const pane = document.querySelector("#{id}-{side} .pane");
  const names = {names};
  if (!pane) return values;
  pane.dataset.sent = pane.dataset.wish ?? "";
  const wish = JSON.parse(pane.dataset.sent || "{{}}");
  const [text, ...others] = values.slice(0, -1 - names.length);
  const wished = names.map((name, at) => wish[name] ?? values[values.length - names.length + at]);
  return [wish.text ?? text, ...others, JSON.parse(pane.dataset.models)[{side}] ?? "", ...wished];
}}"""
CHOSEN = """(models) => {{
  const two = models.slice(-2);
  for (const pane of document.querySelectorAll("#{id} .pane")) {{
    if (two.length) pane.dataset.models = JSON.stringify(two);
    pane.dispatchEvent(new CustomEvent("aigc-models"));
  }}
  return [two];
}}"""
TELL = """() => {{
  for (const pane of document.querySelectorAll("#{id} .pane"))
    pane.dispatchEvent(new CustomEvent("{name}"));
}}"""


@dataclass
class Pair:
    """The components of such a demo.

    Args:
        id: of the element that holds the panes.
        request: what a model must answer to be in it.
        inside: HTML of a pane, which its script fills.
        words: what the script says.
        script: of a pane, which goes on from pair.js.
    """

    id: str
    request: type[Request]
    inside: str
    words: Mapping[str, Text]
    script: Path
    panes: list[gr.HTML] = field(default_factory=list)

    def draw_panes(self) -> None:
        """Both panes, and a line on the models that are not here."""
        code = SHARED.read_text("utf-8") + self.script.read_text("utf-8")
        models = first(present(self.request))
        with gr.Column(elem_classes=["pair"], elem_id=self.id):
            self.panes = [
                gr.HTML(
                    {},
                    html_template=self.template(side, models),
                    js_on_load=code,
                    padding=False,
                    elem_id=f"{self.id}-{side}",
                )
                for side in SIDES
            ]
        self.away = gr.HTML(panes.away(candidates(self.request)), padding=False)

    def template(self, side: int, models: Sequence[str]) -> str:
        """A pane as its script finds it."""
        words = json.dumps({name: list(text) for name, text in self.words.items()})
        return (
            f'<figure class="pane" data-side="{side}" data-models="{escape(json.dumps(models))}" '
            f'data-words="{escape(words)}"{"" if side < len(models) else " hidden"}>'
            "<figcaption><b data-title></b><span data-aside></span></figcaption>"
            f"{self.inside}<div data-notes></div><div data-facts></div></figure>"
        )

    def draw_chips(self) -> None:
        """Which of the models that are here."""
        entries = present(self.request)
        self.models = model_chips(entries, elem_id=f"{self.id}-models", visible=len(entries) > 1)
        self.models.value = first(entries)

    def wire(
        self,
        answer: Callable[..., Any],
        settings: Sequence[gr.components.Component],
        wished: Mapping[str, gr.components.Component],
        status: gr.HTML,
        api_name: str,
    ) -> list[Any]:
        """Asks the server for a pane when its script wants it; returns the jobs.

        Args:
            answer: given the settings, the model and what is wished, yields a pane's value and
                the line on how far it is.
            settings: the controls, that of the text first.
            wished: what a pane's wish holds, by name, in controls that nobody sees.
        """

        @guarded
        async def here(web: gr.Request) -> Any:  # noqa: ARG001
            entries = present(self.request)
            choices = [(t(entry.short), entry.id) for entry in entries]
            chips = gr.update(choices=choices, visible=len(entries) > 1)
            yield chips, panes.away(candidates(self.request))

        opened()(here, None, [self.models, self.away], **QUIET)
        self.models.input(None, self.models, self.models, js=CHOSEN.format(id=self.id), **QUIET)
        model = gr.Textbox(visible=False, label="model")
        names = json.dumps(list(wished))
        return [
            pane.input(
                answer,
                [*settings, model, *wished.values()],
                [pane, status],
                js=ASKED.format(id=self.id, side=side, names=names),
                show_progress="hidden",
                trigger_mode="always_last",
                **({"api_name": api_name} if side == 0 else {"api_visibility": "private"}),
            )
            for side, pane in enumerate(self.panes)
        ]

    def tell(self, name: str) -> str:
        """A script that tells all panes of an event."""
        return TELL.format(id=self.id, name=name)


def first(entries: Sequence[Entry]) -> list[str]:
    """Of these, those that are there at first: the first of ours, and one that is pretrained."""
    ours = [entry.id for entry in entries if entry.origin == "scratch"]
    theirs = [entry.id for entry in entries if entry.origin == "hub"]
    return [*ours[:1], *theirs[:1]]


def signs(texts: Sequence[str]) -> dict[str, str]:
    """How those of the texts are shown that are not shown as they are."""
    return {text: visible(text) for text in texts if visible(text) != text}


def framed(entry: Entry, given: str, artifact: Artifact | None = None) -> dict[str, Any]:
    """What every pane's script is given: the model's name, and what is to be said of a result.

    Args:
        given: the text that the model was to read.
    """
    value = {"model": entry.id, "title": both(entry.short), "given": given}
    if artifact is None:
        return value
    return {
        **value,
        "aside": panes.saved(artifact) if isinstance(artifact.media, Writing) else "",
        "notes": panes.notes(artifact.record),
        "facts": panes.remarks(entry),
    }


def chosen_model(request: type[Request], model: Any) -> Entry:
    """The model that a visitor has named; where there is no name, the first that is here.

    Raises:
        AigcError: there is none, or it is not on this machine.
    """
    if model:
        entry = default_engine().catalog.find(model)
        must_be_here(entry)
        return entry
    if not (here := present(request)):
        raise InvalidRequest(NONE_HERE)
    return here[0]
