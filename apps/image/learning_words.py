"""What to look for in a training, said from its figures."""

from itertools import takewhile

from aigc_core.metrics.history_panels import signed
from aigc_core.metrics.training_history import CLASSES, Losses, TrainingHistory
from aigc_core.text import Text, paragraph

CRITIC = Text(
    "Minus the critic's loss estimates how far the made pictures are from real ones. Its rank "
    "correlation with the FID is {rho}{verdict}. The generator's own loss may drift anywhere, as "
    "the critic's heights have no zero.",
    "评论家损失取负，是对生成图片与真实图片之间距离的估计。它与 FID 的秩相关为 {rho}{verdict}。"
    "生成器自身的损失可以任意漂移，因为评论家的高度没有零点。",
)
TOGETHER = Text(": watch the two fall together{until}", "：看两者如何一同下降{until}")
UNTIL = Text(" until step {step:,}", "，直到第 {step:,} 步")
DISCRIMINATOR = Text(
    "The discriminator's loss says who is ahead in the game, not how good the pictures are. Its "
    "rank correlation with the FID is {rho}{verdict}.",
    "判别器的损失只说明博弈中谁占上风，而不说明图片好坏。它与 FID 的秩相关为 {rho}{verdict}。",
)
RISES = Text(": it rises while the pictures get better", "：图片变好时，它反而上升")
FALLS = Text(
    ": here it happens to fall with it, which nothing in the game demands",
    "：此处恰好随之下降，但博弈本身并不要求如此",
)
LOOSE = Text(": it does not tell", "：看不出好坏")
VAE = Text(
    "The loss bounds what a digit costs, in nats, and no opponent moves the goal. {since} rank "
    "correlation with the FID is {rho}.",
    "损失是一个数字代价的上界（纳特），没有对手改变目标。{since}与 FID 的秩相关为 {rho}。",
)
ALWAYS = Text("Its", "它")
SINCE = Text(
    "From step {step:,} on, where the rate has its full weight, its",
    "从第 {step:,} 步起码率取完整权重，此后它",
)
ALL = Text("All ten digits are there from step {step:,} on.", "从第 {step:,} 步起，十个数字齐全。")
SOME = Text(
    "At the end {last} of the ten digits are drawn.", "训练结束时，十个数字中画出了 {last} 个。"
)
COLLAPSE = Text(
    "{cause}Of the ten digits, {most} are drawn at step {step:,} and {last} at the end.",
    "{cause}十个数字中，第 {step:,} 步时画出 {most} 个，结束时剩 {last} 个。",
)
# Why a training collapsed, where it was set up to.
CAUSES = {
    "gan-mnist-collapse": Text(
        "Made to collapse: once digits are there, the discriminator nearly stops learning, and "
        "the best answer to one that stands still is a single picture. ",
        "特意使其崩溃：数字出现之后，判别器几乎停止学习；对静止不动的判别器，最佳对策就是同一幅图。",
    )
}
# From here on two quantities are said to go together.
CLOSE = 0.7


def look_for(history: TrainingHistory) -> Text:
    """What to look for in one training, in a sentence or two."""
    if history.collapsed:
        return collapse(history)
    judges = [text for loss in history.losses if (text := of_loss(history, loss))]
    return paragraph(*judges[:1], of_digits(history))


def collapse(history: TrainingHistory) -> Text:
    """Why the digits disappear, how many there were and how many are left."""
    most = max(history.modes)
    return COLLAPSE.fill(
        cause=CAUSES.get(history.recipe, ""),
        most=most,
        step=history.steps[history.modes.index(most)],
        last=history.modes[-1],
    )


def of_loss(history: TrainingHistory, losses: Losses) -> Text | None:
    """What a loss tells, from how it went with the FID; None of a player that judges nothing."""
    found = losses.rank_correlation
    if found is None:
        return None
    match losses.player:
        case "critic":
            verdict = together(history, losses) if found >= CLOSE else LOOSE
            return CRITIC.fill(rho=signed(found), verdict=verdict)
        case "discriminator":
            verdict = FALLS if found >= CLOSE else RISES if found <= -CLOSE else LOOSE
            return DISCRIMINATOR.fill(rho=signed(found), verdict=verdict)
        case "vae":
            since = SINCE.fill(step=history.warmup) if history.warmup else ALWAYS
            return VAE.fill(rho=signed(found), since=since)
    return None


def together(history: TrainingHistory, losses: Losses) -> Text:
    """That loss and FID fall together, and until which moment, where the loss rises again."""
    lowest = losses.images[losses.values.index(min(losses.values))]
    near = min(range(len(history)), key=lambda place: abs(history.images[place] - lowest))
    risen = near < len(history) - 1
    return TOGETHER.fill(until=UNTIL.fill(step=history.steps[near]) if risen else "")


def of_digits(history: TrainingHistory) -> Text:
    """How many digits are drawn, and when."""
    modes = history.modes
    if modes[-1] < CLASSES:
        return SOME.fill(last=modes[-1])
    whole = len(list(takewhile(lambda n: n == CLASSES, reversed(modes))))
    return ALL.fill(step=history.steps[-whole])
