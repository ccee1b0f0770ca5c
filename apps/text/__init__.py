"""The text page."""

from aigc_core.text import Text
from apps.text.asking import ASK
from apps.text.attention import ATTENTION
from apps.text.between import BETWEEN
from apps.text.chatting import CHAT
from apps.text.continuing import CONTINUE
from apps.text.poetry import POETRY
from apps.text.summarising import SUMMARISE
from apps.text.token_by_token import TOKENS
from apps.text.translating import TRANSLATE
from apps.text.writing import WRITE
from apps.ui.demo import Modality

TEXT = Modality(
    "text",
    Text("Text", "文本"),
    (CONTINUE, TOKENS, ATTENTION, POETRY, TRANSLATE, SUMMARISE, ASK, CHAT, WRITE, BETWEEN),
)
