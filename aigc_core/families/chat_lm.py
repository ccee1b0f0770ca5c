"""Pretrained language models that also follow instructions: those with a chat template."""

from aigc_core.families import Answer, chat
from aigc_core.families.causal_lm import ANSWERS as CONTINUING
from aigc_core.families.causal_lm import RUNGS, SHARED, activation_bytes, load, smaller
from aigc_core.tasks.base import Request

__all__ = ["ANSWERS", "RUNGS", "SHARED", "activation_bytes", "load", "smaller"]

ANSWERS: dict[type[Request], Answer] = {**CONTINUING, **chat.ANSWERS}
