"""SciTLDR: abstracts of papers on machine learning, each with one-sentence summaries by people.

1,992 abstracts for training and 618 for tests (Cachola et al. 2020,
https://arxiv.org/abs/2004.15011), under the Apache licence 2.0; the abstracts are their authors'.
"""

import json
from dataclasses import dataclass
from functools import lru_cache

from aigc_core.data.source import DataFile, open_file
from aigc_core.data.split import Split

LICENCE = "Apache-2.0"
FILES: dict[Split, DataFile] = {
    "train": DataFile(
        "summaries_scitldr/train.jsonl",
        "b348e3b6589434e608a890a4aafc6944ea4eff06a2ccbd75d06cdb0f932780ac",
        (),
    ),
    "test": DataFile(
        "summaries_scitldr/test.jsonl",
        "4e8f3da3350149951cd37ba21514c0a99038df65e8141455bec4b278941ba593",
        (),
    ),
}


@dataclass(frozen=True)
class Abstract:
    """An abstract and what people made of it in a sentence, each of them."""

    text: str
    summaries: tuple[str, ...]


@lru_cache(maxsize=2)
def load_abstracts(split: Split, *, download: bool = True) -> tuple[Abstract, ...]:
    """The abstracts of a split.

    Raises:
        DatasetMissing: the file is not on the disk, and was not to be, or could not be, fetched.
        CorruptFile: it does not have the published bytes.
    """
    lines = open_file(FILES[split], download=download).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    return tuple(
        Abstract(" ".join(row["source"].split()), tuple(" ".join(s.split()) for s in row["target"]))
        for row in rows
    )
