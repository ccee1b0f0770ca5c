"""How a model was trained, told from its recipe, so that no card states it a second time."""

from collections.abc import Mapping

from torch import nn

from aigc_core.metrics.glossary import player_name
from aigc_core.text import Text
from aigc_core.training.recipe import Optimiser, Recipe, examples_per_step, numbers_of

PICTURES = Text("pictures", "幅图")


def training_facts(
    recipe: Recipe,
    examples: int,
    told: Mapping[str, str] | None = None,
    unit: Text = PICTURES,
) -> tuple[Text, ...]:
    """One sentence for each fact of a training.

    Args:
        examples: in the training set.
        told: the settings that the weights tell of; the recipe's stand in for what they do not.
        unit: what the examples are, behind their number.
    """
    objective = recipe.objective()
    settings = numbers_of(objective)
    facts = [
        Text(
            "Command: `python -m aigc_core.training {name} --ship`.",
            "命令：`python -m aigc_core.training {name} --ship`。",
        ).fill(name=recipe.name),
        Text("Objective: `{name}`{settings}.", "训练目标：`{name}`{settings}。").fill(
            name=type(objective).__name__,
            settings=Text(" with {listed}", "，{listed}").fill(
                listed=", ".join(f"{name} {value:g}" for name, value in settings.items())
            )
            if settings
            else "",
        ),
        *(network_fact(player, network) for player, network in objective.players.items()),
        *(optimiser_fact(player, settings) for player, settings in recipe.optimisers.items()),
        length_fact(recipe, examples, told or {}, unit),
        shipping_fact(recipe),
        Text("Seed: {seed}.", "随机种子：{seed}。").fill(seed=recipe.seed),
    ]
    return tuple(facts)


def length_fact(recipe: Recipe, examples: int, told: Mapping[str, str], unit: Text) -> Text:
    """How many steps a training took, and how many examples it saw in them."""
    settings = {"batch": str(recipe.batch), "steps": str(recipe.steps), **told}
    steps, batch = int(settings["steps"]), examples_per_step(settings)
    shared = Text(
        " (batch {batch}, accumulated {accumulate}, processes {processes})",
        "（单批 {batch}，累积 {accumulate}，进程数 {processes}）",
    ).fill(
        batch=settings["batch"],
        accumulate=settings.get("accumulate", "1"),
        processes=settings.get("processes", "1"),
    )
    return Text(
        "{steps:,} steps in batches of {batch}{shared}: {seen:,} {unit}, {epochs:.1f} times the "
        "training set.",
        "共 {steps:,} 步，批大小 {batch}{shared}：{seen:,} {unit}，"
        "相当于训练集的 {epochs:.1f} 倍。",
    ).fill(
        steps=steps,
        batch=batch,
        shared="" if str(batch) == settings["batch"] else shared,
        seen=steps * batch,
        unit=unit,
        epochs=steps * batch / examples,
    )


def network_fact(player: str, network: nn.Module) -> Text:
    return Text(
        "The {player} is a `{network}` of {weights:,} weights.",
        "{player}为 `{network}`，共 {weights:,} 个权重。",
    ).fill(
        player=player_name(player),
        network=type(network).__name__,
        weights=sum(weight.numel() for weight in network.parameters()),
    )


def optimiser_fact(player: str, settings: Optimiser) -> Text:
    return Text(
        "Optimiser of the {player}: {kind}, learning rate {lr:g}{course}, betas {first:g} and "
        "{second:g}{decay}{clip}.",
        "{player}的优化器：{kind}，学习率 {lr:g}{course}，"
        "beta 为 {first:g} 和 {second:g}{decay}{clip}。",
    ).fill(
        player=player_name(player),
        kind="AdamW" if settings.weight_decay else "Adam",
        lr=settings.lr,
        course=course(settings),
        first=settings.betas[0],
        second=settings.betas[1],
        decay=Text(", weight decay {value:g}", "，权重衰减 {value:g}").fill(
            value=settings.weight_decay
        )
        if settings.weight_decay
        else "",
        clip=Text(", gradients no longer than {most:g}", "，梯度长度不超过 {most:g}").fill(
            most=settings.clip
        )
        if settings.clip
        else "",
    )


def course(settings: Optimiser) -> Text:
    """How the learning rate rises and falls, behind it."""
    parts = []
    if settings.warmup:
        parts.append(
            Text(
                "rises from zero over the first {steps:,} steps", "在前 {steps:,} 步内由零升起"
            ).fill(steps=settings.warmup)
        )
    if settings.cooldown:
        parts.append(
            Text(
                "falls in a straight line to zero over the last {share:.0%} of the steps",
                "在最后 {share:.0%} 的步数内线性降至零",
            ).fill(share=settings.cooldown)
        )
    if not parts:
        return Text("", "")
    told = Text(" and ".join(part.en for part in parts), "，".join(part.zh for part in parts))
    return Text(" that {told}", "（{told}）").fill(told=told)


def shipping_fact(recipe: Recipe) -> Text:
    average = (
        Text(
            ", averaged over training with a decay of {ema:g} per step",
            "，每步以 {ema:g} 衰减取滑动平均",
        ).fill(ema=recipe.ema)
        if recipe.ema
        else ""
    )
    return Text(
        "Shipped: the weights of the {player}{average}, as {kind}.",
        "发布的是{player}的权重{average}，以 {kind} 存储。",
    ).fill(
        player=player_name(recipe.ships),
        average=average,
        kind="float16" if recipe.half else "float32",
    )
