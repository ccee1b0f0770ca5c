"""The figures of text models.

Imports nothing heavy.
"""

from aigc_core.metrics.metric import Metric
from aigc_core.text import Text

BLEU, CHRF = "https://aclanthology.org/P02-1040", "https://aclanthology.org/W15-3049"
SELF_BLEU = "https://arxiv.org/abs/1802.01886"

LANGUAGE: dict[str, Metric] = {
    "nats_char": Metric(
        Text("Nats per character", "每字符纳特数"),
        Text(
            "What the next character of unseen text costs: its cross-entropy.",
            "未见过的文本中下一个字符的代价，即交叉熵。",
        ),
        "lower",
        digits=4,
    ),
    "nats_char_sliding": Metric(
        Text("Nats per character, sliding window", "每字符纳特数（滑动窗口）"),
        Text(
            "The same, where every character has nearly the whole context before it.",
            "同上，但每个字符之前几乎都有完整的上下文。",
        ),
        "lower",
        digits=4,
    ),
    "nats_hanzi": Metric(
        Text("Nats per Chinese character", "每汉字纳特数"),
        Text(
            "The same of the Chinese characters alone: punctuation and the end, which the form "
            "fixes, cost next to nothing.",
            "同上，但只计汉字：标点与结尾由格式决定，几乎没有代价。",
        ),
        "lower",
        digits=4,
    ),
    "bits_char": Metric(
        Text("Bits per character", "每字符比特数"),
        Text("The same in bits, the unit of compression.", "换算为比特，即压缩所用的单位。"),
        "lower",
        digits=4,
    ),
    "perplexity": Metric(
        Text("Perplexity", "困惑度"),
        Text(
            "The model is as undecided as among this many equally likely characters: exp(nats).",
            "模型的犹豫程度，相当于在这么多个等可能的字符中选择：exp(纳特)。",
        ),
        "lower",
    ),
}

COPYING: dict[str, Metric] = {
    **{
        f"copied_{length}": Metric(
            Text("{length} characters copied", "照抄 {length} 个字符").fill(length=length),
            Text(
                "Share of all runs of {length} characters that occur in the training text.",
                "所有 {length} 字符片段中在训练文本里出现过的比例。",
            ).fill(length=length),
            "held_out",
            share=True,
        )
        for length in (8, 16, 32)
    },
    "longest_copy": Metric(
        Text("Longest copy, characters", "最长照抄（字符数）"),
        Text(
            "The longest run of characters that occurs in the training text.",
            "在训练文本里出现过的最长片段。",
        ),
        "held_out",
    ),
    "known_words": Metric(
        Text("Words of the training text", "训练文本中的词"),
        Text(
            "Share of the words that occur in the training text.",
            "在训练文本里出现过的单词所占的比例。",
        ),
        "held_out",
        share=True,
    ),
}


def verse(suffix: str, how: Text) -> dict[str, Metric]:
    """The figures of poems that were drawn in one way, which stands behind each title."""

    def title(en: str, zh: str) -> Text:
        return Text("{name}{how}", "{name}{how}").fill(name=Text(en, zh), how=how)

    return {
        f"form_kept{suffix}": Metric(
            title("Form kept", "合乎格式"),
            Text(
                "Share with four lines, of as many characters as asked for, and the punctuation "
                "where it belongs.",
                "四句、每句字数合乎要求且标点位置正确的比例。",
            ),
            "higher",
            share=True,
        ),
        f"rhyme{suffix}": Metric(
            title("Rhyme", "押韵"),
            Text(
                "Share of those that keep the form whose second and fourth line rhyme, as they "
                "are read today.",
                "合乎格式者中第二、四句按今音押韵的比例。",
            ),
            "held_out",
            share=True,
        ),
        f"copied_poems{suffix}": Metric(
            title("Poems copied", "整首照抄"),
            Text(
                "Share that are a training poem, character by character.",
                "与某首训练诗逐字相同的比例。",
            ),
            "lower",
            share=True,
        ),
        f"copied_lines{suffix}": Metric(
            title("Lines copied", "整句照抄"),
            Text(
                "Share of the lines that are a line of a training poem.",
                "与某句训练诗相同的诗句的比例。",
            ),
            "held_out",
            share=True,
        ),
        f"longest_run{suffix}": Metric(
            title("Longest run shared", "最长相同片段"),
            Text(
                "Characters in a row that a poem shares with the training poem nearest to it, the "
                "median of all.",
                "一首诗与最相近的训练诗共有的最长连续字符数，取中位数。",
            ),
            "held_out",
        ),
    }


FREE = Text("", "")
COOL = Text(", temperature 0.9", "（温度 0.9）")
BOUND = Text(", form enforced", "（强制格式）")
VERSE = verse("", FREE) | verse("_cool", COOL) | verse("_bound", BOUND)

TRANSLATION: dict[str, Metric] = {
    f"{kind}_{direction}": Metric(
        Text("{kind}, {way}", "{kind}，{way}").fill(kind=name, way=way), says, "higher", paper=paper
    )
    for direction, way in (
        ("en_zh", Text("English to Chinese", "英译中")),
        ("zh_en", Text("Chinese to English", "中译英")),
    )
    for kind, name, says, paper in (
        (
            "bleu",
            "BLEU",
            Text(
                "Overlap with a human translation in runs of one to four words (in Chinese, "
                "characters); 100 at most.",
                "译文与人工译文在一至四元词串（中文按字）上的重合程度，最高 100。",
            ),
            BLEU,
        ),
        (
            "chrf",
            "chrF",
            Text(
                "F-score of the runs of one to six characters shared with a human translation; "
                "100 at most.",
                "与人工译文共有的一至六字符片段的 F 值，最高 100。",
            ),
            CHRF,
        ),
    )
}

LATENT: dict[str, Metric] = {
    "line_nll": Metric(
        Text("Negative ELBO, nats per line", "负 ELBO（纳特/句）"),
        Text(
            "What an unseen line costs at most: distortion + rate.",
            "一句未见过的诗的代价上界：失真 + 码率。",
        ),
        "lower",
        paper="https://arxiv.org/abs/1312.6114",
    ),
    "line_iw_nll": Metric(
        Text("Importance-weighted bound, nats per line", "重要性加权界（纳特/句）"),
        Text(
            "A closer bound on the same cost, from several samples of the latent.",
            "对同一代价的更紧上界，取潜变量的多个样本。",
        ),
        "lower",
        paper="https://arxiv.org/abs/1509.00519",
    ),
    "line_distortion": Metric(
        Text("Distortion, nats per line", "失真（纳特/句）"),
        Text(
            "What the characters cost once the latent is known; a higher rate can lower it.",
            "已知潜变量后，各字的代价；提高码率可使其降低。",
        ),
        "neither",
    ),
    "line_rate": Metric(
        Text("Rate, nats per line", "码率（纳特/句）"),
        Text(
            "What the latent tells of the line: its distance (KL) from the prior. At 0 it tells "
            "nothing (posterior collapse).",
            "潜变量所含的诗句信息：它与先验的 KL 散度；为 0 即后验坍缩，潜变量不含任何信息。",
        ),
        "neither",
    ),
    "reconstruction": Metric(
        Text("Characters given back", "还原的字"),
        Text(
            "Share of the characters of unseen lines that come back in their place.",
            "未见过的诗句经编码、解码后在原位还原的字的比例。",
        ),
        "higher",
        share=True,
    ),
    "active_units": Metric(
        Text("Active latents", "活跃的潜变量"),
        Text(
            "Latents whose mean moves with what is read: its variance over lines is above 0.01.",
            "均值随所读诗句而变的潜变量个数：其方差大于 0.01。",
        ),
        "higher",
        paper="https://arxiv.org/abs/1509.00519",
    ),
    "others_distortion": Metric(
        Text("Distortion with another's latent, nats per line", "换用他句潜变量的失真（纳特/句）"),
        Text(
            "What the characters cost with the latent of another line: as much as with their own "
            "where the latent is not used.",
            "换用另一句的潜变量时各字的代价；若与用自身潜变量时相同，则潜变量未被使用。",
        ),
        "neither",
    ),
}

LINES: dict[str, Metric] = {
    **{
        f"bleu_{order}": Metric(
            Text("BLEU-{order}", "BLEU-{order}").fill(order=order),
            Text(
                "Runs of up to {order} characters that also occur in unseen lines: quality.",
                "至多 {order} 字的片段在未见过的诗句中也出现的程度：质量。",
            ).fill(order=order),
            "higher",
            share=True,
            paper=BLEU,
        )
        for order in (2, 3, 4)
    },
    **{
        f"self_bleu_{order}": Metric(
            Text("Self-BLEU-{order}", "Self-BLEU-{order}").fill(order=order),
            Text(
                "The same against the model's other lines: high when they are alike.",
                "与该模型的其他诗句相比的同一指标：彼此雷同时偏高。",
            ),
            "lower",
            share=True,
            paper=SELF_BLEU,
        )
        for order in (2, 3, 4)
    },
    "line_form": Metric(
        Text("Form kept", "合乎格式"),
        Text(
            "Share of the lines drawn with five or seven characters.",
            "抽出的诗句中为五字或七字的比例。",
        ),
        "higher",
        share=True,
    ),
    "different": Metric(
        Text("Different lines", "互不相同的诗句"),
        Text(
            "Share of the lines drawn that differ from all others.", "抽出的诗句中互不相同的比例。"
        ),
        "higher",
        share=True,
    ),
    "distinct": Metric(
        Text("Different characters", "用字种数"),
        Text("How many kinds of characters the lines consist of.", "诗句中共用了多少个不同的字。"),
        "held_out",
    ),
    "line_nats": Metric(
        Text("Nats per character of unseen lines", "未见诗句每字纳特数"),
        Text(
            "What unseen lines cost the model: high when it leaves out what people write.",
            "未见过的诗句对模型的代价：遗漏人们会写的内容时偏高。",
        ),
        "lower",
        digits=4,
    ),
}

TEXTS = LANGUAGE | COPYING | VERSE | TRANSLATION | LATENT | LINES
