"""The image page."""

from aigc_core.text import Text
from apps.image.how_good import QUALITY
from apps.image.latent_map import MAP
from apps.image.learning import SHOWN
from apps.image.sampling import DIGITS
from apps.image.side_by_side import COMPARE
from apps.image.variations import VARIATIONS
from apps.ui.demo import Modality

IMAGE = Modality(
    "image", Text("Image", "图像"), (DIGITS, COMPARE, MAP, VARIATIONS, QUALITY, *SHOWN)
)
