"""The image page."""

from aigc_core.text import Text
from apps.image.sampling import DIGITS
from apps.ui.demo import Modality

IMAGE = Modality("image", Text("Image", "图像"), (DIGITS,))
