"""The text page."""

from aigc_core.text import Text
from apps.text.continuing import CONTINUE
from apps.ui.demo import Modality

TEXT = Modality("text", Text("Text", "文本"), (CONTINUE,))
