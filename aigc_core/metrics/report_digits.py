"""The cards of models that draw digits, and of the judge."""

import numpy as np

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import WEIGHTS, digest, load_network
from aigc_core.data import mnist
from aigc_core.data.mnist import load_mnist
from aigc_core.errors import InvalidRequest
from aigc_core.metrics import beta, history_prose
from aigc_core.metrics import judge as judges
from aigc_core.metrics import reference as references
from aigc_core.metrics import unseen as unseens
from aigc_core.metrics.about import read_about
from aigc_core.metrics.card import Card, Dataset, Figure, plain
from aigc_core.metrics.evaluate import drawn, evaluate, floor, ladder, look, to_unit
from aigc_core.metrics.history import history_beside
from aigc_core.metrics.likelihood import likelihood_figures
from aigc_core.metrics.neighbours import nearest
from aigc_core.metrics.perturbations import LADDER
from aigc_core.metrics.prose import Section
from aigc_core.metrics.publish import COMMAND, publish
from aigc_core.metrics.reference import KEPT, Reference
from aigc_core.metrics.training_history import TrainingHistory
from aigc_core.metrics.unseen import Unseen
from aigc_core.models.protocols import Autoencoder
from aigc_core.samples import sample
from aigc_core.tasks.latent import IW_SAMPLES
from aigc_core.text import LANGUAGES, Text, paragraph

COUNT = 5000
LEAST = 100
FLOOR_COUNTS = (200, 500, 1000, 2000, 5000, 10_000)

MNIST = Dataset("ylecun/mnist", "MNIST")
DATA = Text(
    "Trained on the 60,000 training digits of MNIST by Y. LeCun and C. Cortes, "
    "[{licence}](https://creativecommons.org/licenses/by-sa/3.0/); no picture of it is shipped.",
    "训练数据为 MNIST 的 60,000 个训练数字（Y. LeCun 与 C. Cortes），"
    "[{licence}](https://creativecommons.org/licenses/by-sa/3.0/)；不随附其中任何图片。",
).fill(licence=mnist.LICENCE)
SWEEP = Text("What beta does", "beta 的作用")
JUDGE_TITLE = Text("Digit classifier", "数字分类器")
JUDGE_LICENCE = "Apache-2.0"

GENERATOR_PROTOCOL = Text(
    "Measured on {count:,} pictures that the suite's engine drew with the seeds {first} to {last}"
    "{asked}. FID against all {training:,} training digits; "
    "precision, recall, density and coverage against {kept:,} of them, drawn at random; nearest "
    "neighbours among all. The features, scaled to a mean variance of 1 over the training digits, "
    "and the classes are those of `mnist-classifier` (`{judge}`): figures of another feature "
    "network, such as Inception-v3, do not compare. “Real digits” are {count:,} of the test "
    "digits, in the same proportions and measured in the same way. They are by other writers than "
    "the training digits, so that a model can come out better than they do.",
    "样本为套件引擎以种子 {first} 至 {last} 生成的 {count:,} 幅图{asked}。"
    "FID 与全部 {training:,} 个训练数字比较；"
    "精确率、召回率、密度和覆盖率与其中随机抽取的 {kept:,} 个比较；最近邻在全部训练数字中查找。"
    "特征（经缩放，使其在训练数字上的平均方差为 1）与类别来自 `mnist-classifier`（`{judge}`）："
    "与 Inception-v3 等其他特征网络的指标不可比较。"
    "“真实数字”是按同样比例抽取的 {count:,} 个测试数字，以相同方式测量；"
    "其书写者与训练数字不同，因此模型的指标有可能优于它们。",
)
# How the pictures of a model that knows classes, and of one that knows none, were asked for.
IN_PROPORTION = Text(
    ", digits in the proportions of the training data", "，各数字比例与训练数据相同"
)
AS_THEY_COME = Text(", whichever digits it gives", "，数字由模型自行决定")
LIKELIHOOD_PROTOCOL = Text(
    "The bounds in nats are means over all {test:,} test digits, each drawn once as black and "
    "white with its grey values as probabilities (dynamic binarisation, seed 0); one sample of "
    "the latent for the ELBO, {samples} for the importance-weighted bound. Figures for grey or "
    "thresholded digits do not compare.",
    "以纳特为单位的界是全部 {test:,} 个测试数字的均值；每个数字以其灰度为概率随机二值化一次"
    "（动态二值化，种子 0）；ELBO 取潜变量的 1 个样本，重要性加权界取 {samples} 个。"
    "与灰度或阈值二值化数字上的结果不可比较。",
)
GIVEN_CLASS = Text(
    "The model is told which digit each of them is, so these are bounds on log p(x | class), and "
    "do not compare with those of a model without classes, on log p(x). With the cost of the "
    "class, about log 10 = 2.3 nats, they are bounds on that too.",
    "计算时模型已知每个数字的类别，因此这些是 log p(x | 类别) 的界，"
    "与无类别模型的 log p(x) 的界不可比较；加上类别的代价（约 log 10 = 2.3 纳特）后，"
    "才同样是后者的界。",
)
JUDGE_PROTOCOL = Text(
    "Measured on all {count:,} test digits, which it was not trained on.",
    "在全部 {count:,} 个未用于训练的测试数字上测得。",
)


def write_reference() -> tuple[Reference, Unseen]:
    """Derives what figures compare with, by the frozen judge, and writes it beside it.

    These are statistics of the training digits, and the test digits as the judge sees them.

    Raises:
        AigcError: the dataset or the judge is missing or not the right one.
    """
    train, test = load_mnist("train"), load_mnist("test")
    known, new = to_unit(train.images), to_unit(test.images)
    reference = references.derive(judges.judge(known), train.labels)
    unseen = Unseen(judges.judge(new), test.labels, nearest(new, known).distance)
    references.write(reference)
    unseens.write(unseen)
    return reference, unseen


def report_judge() -> Card:
    """Measures the judge itself, and what its feature space makes of real digits; writes its card.

    Raises:
        AigcError: the dataset, the judge, its reference or its prose is missing or not right.
    """
    test, reference = load_mnist("test"), references.read()
    everything = look(*drawn(test, len(test), reference.prior))
    hits = everything.judgement.logits.argmax(axis=1) == everything.labels
    floors = [floor(everything, count, reference) for count in FLOOR_COUNTS]
    spoiled = ladder(look(*drawn(test, COUNT, reference.prior)), reference, LADDER[1:])
    accuracy = Figure(
        "accuracy",
        plain(np.mean(hits)),
        args={"n": len(test), "weights": judges.FROZEN},
        split="test",
    )
    return publish(
        judges.FOLDER,
        title=JUDGE_TITLE,
        licence=JUDGE_LICENCE,
        dataset=MNIST,
        data=DATA,
        figures=(accuracy,),
        rungs=(*floors, *spoiled),
        protocol=JUDGE_PROTOCOL.fill(count=len(test)),
        examples=reference.moments.count,
        command=f"{COMMAND} {judges.NAME}",
    )


def report(model: str, count: int | None = None, seed: int = 0) -> Card:
    """Samples a model of the catalog through the engine, measures it and writes its card.

    Raises:
        InvalidRequest: a count or a seed out of bounds.
        AigcError: the model, the dataset, the judge, its reference or the model's prose is
            missing or not right.
    """
    entry, count = Catalog.default().find(model), COUNT if count is None else count
    read_about(model)
    train, test, reference = load_mnist("train"), load_mnist("test"), references.read()
    if not LEAST <= count <= len(test):
        raise InvalidRequest(
            Text(
                "The count must be from {least} to {most}, the number of test digits to compare "
                "with; {count} is not.",
                "数量必须在 {least} 到 {most}（可供比较的测试数字的数量）之间，而不是 {count}。",
            ),
            least=LEAST,
            most=len(test),
            count=count,
        )
    made = look(*sample(model, count, seed))
    real = look(*drawn(test, count, reference.prior))
    training = look(to_unit(train.images), train.labels)
    weights = digest(entry.folder / WEIGHTS)
    figures = evaluate(made, real, training, reference, {"seed": seed, "weights": weights})
    protocol = GENERATOR_PROTOCOL.fill(
        count=count,
        first=seed,
        last=seed + count - 1,
        asked=IN_PROPORTION if (made.labels >= 0).all() else AS_THEY_COME,
        training=reference.moments.count,
        kept=KEPT,
        judge=judges.FROZEN,
    )
    if hasattr(entry.network_class, "log_likelihood"):
        network = load_network(entry.network_class, entry.folder, entry.revision)
        figures = (*figures, *likelihood_figures(network, test, weights))
        bounds = likelihood_protocol(network, len(test))
        protocol = paragraph(protocol, bounds)
    history, sweep = history_beside(entry.folder), beta.section(entry.folder)
    return publish(
        entry.folder,
        title=entry.name,
        licence=entry.licences.weights,
        dataset=MNIST,
        data=DATA,
        figures=figures,
        rungs=ladder(real, reference),
        protocol=protocol,
        examples=len(train),
        command=f"{COMMAND} {model} --count {count} --seed {seed}",
        sections=(Section(SWEEP, sweep),) if sweep else (),
        history=told(history) if history else None,
    )


def likelihood_protocol(network: Autoencoder, count: int) -> Text:
    """How the bounds of a network were measured, on so many test digits."""
    bounds = LIKELIHOOD_PROTOCOL.fill(test=count, samples=IW_SAMPLES)
    if not network.class_counts:
        return bounds
    return paragraph(bounds, GIVEN_CLASS)


def told(history: TrainingHistory) -> Section:
    """What a card tells of a training, in both languages."""
    en, zh = ("\n\n".join(history_prose.section(history, language)) for language in LANGUAGES)
    return Section(history_prose.TITLE, Text(en, zh))
