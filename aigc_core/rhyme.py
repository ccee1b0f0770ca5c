"""Which Chinese characters rhyme, as they are read today.

The finals of modern Mandarin in the thirteen groups of northern ballads and opera (十三辙; Luo
Changpei 1942, 《北京俗曲百种摘韵》); tones do not matter. Tang poets followed the rhyme books of
their own time, which part some of what sounds alike today and join some that no longer does, such
as 回 and 来. What counts here is what readers hear.
"""

from functools import cache

GROUPS = {
    "发花": ("a", "ia", "ua"),
    "梭坡": ("o", "e", "uo"),
    "乜斜": ("ie", "ve", "ê"),
    "姑苏": ("u",),
    "一七": ("i", "v", "er"),
    "怀来": ("ai", "uai"),
    "灰堆": ("ei", "uei"),
    "遥条": ("ao", "iao"),
    "油求": ("ou", "iou"),
    "言前": ("an", "ian", "uan", "van"),
    "人辰": ("en", "in", "uen", "vn"),
    "江阳": ("ang", "iang", "uang"),
    "中东": ("eng", "ing", "ueng", "ong", "iong"),
}
GROUP_OF = {final: group for group, finals in GROUPS.items() for final in finals}


@cache
def group(character: str) -> str | None:
    """The group of a character's commonest reading; None of what has none."""
    from pypinyin import Style, pinyin

    readings = pinyin(character, style=Style.FINALS, errors="ignore", strict=True)
    return GROUP_OF.get(readings[0][0]) if readings else None


def rhyme(a: str, b: str) -> bool:
    """Whether two different characters end alike; one does not rhyme with itself."""
    return a != b and group(a) is not None and group(a) == group(b)
