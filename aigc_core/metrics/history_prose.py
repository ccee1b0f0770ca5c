"""What a model's card tells of the way it was trained, beside the picture of it."""

from aigc_core.metrics.history_panels import REAL, real_fid, signed, title
from aigc_core.metrics.training_history import CHART, TrainingHistory
from aigc_core.text import Language, Text

TITLE = Text("Training", "训练过程")
INTRO = Text(
    "![FID, Inception score and losses over the training pictures seen]({chart})\n\n"
    "At {moments} moments of the training: FID and Inception score of {count:,} pictures each, of "
    "the same seeds{real}. A smaller sample tends to have a larger FID, so compare these with the "
    "table's with care. Losses are means of the training itself.",
    "![FID、Inception 分数与损失随已见训练图片数的变化]({chart})\n\n"
    "训练过程中的 {moments} 个时刻：各以相同种子的 {count:,} 幅图测得 FID 与 Inception 分数{real}。"
    "样本越少，FID 往往越大，与表中的值比较时须留意。损失为训练各步的均值。",
)
BESIDE = Text(" ({name}: FID {value:.3g})", "（{name}的 FID 为 {value:.3g}）")
CORRELATION = Text(
    "Spearman's rank correlation with the FID over the last {moments} moments, those after the "
    "log's first line{warmup}: {listed}.",
    "在日志首行{warmup}之后的最后 {moments} 个时刻上，损失与 FID 的 Spearman 秩相关：{listed}。",
)
WARMUP = Text(" and the first {steps:,} steps of warm-up", "与前 {steps:,} 步预热")


def section(history: TrainingHistory, language: Language) -> list[str]:
    """The Markdown below the heading, part by part."""
    real = real_fid(history.protocol.count)
    intro = INTRO.fill(
        chart=CHART,
        moments=len(history),
        count=history.protocol.count,
        real="" if real is None else BESIDE.fill(name=REAL, value=real),
    )
    known = [loss for loss in history.losses if loss.rank_correlation is not None]
    found = [f"{title(x).say(language)} {signed(x.rank_correlation or 0)}" for x in known]
    parts = [intro.say(language)]
    if found:
        told = CORRELATION.fill(
            moments=known[0].moments,
            warmup=WARMUP.fill(steps=history.warmup) if history.warmup else "",
            listed=(", " if language == "en" else "、").join(found),
        )
        parts.append(told.say(language))
    return [*parts, f"    python -m aigc_core.metrics.history {history.recipe}"]
