"""What is asked of models on other servers, and how the catalog names them."""

from pathlib import Path
from typing import Any

from aigc_core.catalog import Entry
from aigc_core.tasks import ContinueText, TextToImage

TEXT = ContinueText.ask(prompt="Once", tokens=20, temperature=0.5, top_p=0.9, seed=7)
PICTURES = TextToImage.ask(prompt="a lighthouse", negative="fog", width=64, height=96, count=2)
SECRET = "hf_of_the_account"


def entry(kind: str, **fields: Any) -> Entry:
    words = {"en": "Elsewhere", "zh": "别处"}
    return Entry(
        **{
            "id": f"elsewhere-{kind}",
            "title": words,
            "about": words,
            "family": f"aigc_core.families.remote_{kind}",
            "origin": "remote",
            "folder": Path(),
            "served": "org/tiny",
            "licences": {"weights": "", "data": ""},
            **fields,
        }
    )
