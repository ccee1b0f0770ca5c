"""Character models of Tang quatrains with attention."""

from aigc_core.families import Answer, char_attention, quatrains
from aigc_core.families.quatrains import load
from aigc_core.tasks.base import Request

__all__ = ["ANSWERS", "load"]

ANSWERS: dict[type[Request], Answer] = {**quatrains.ANSWERS, **char_attention.HEADS}
