"""What each figure is called, what it says and which way it points, once for cards and pages.

Imports nothing heavy.
"""

from aigc_core.metrics.glossary_text import TEXTS
from aigc_core.metrics.metric import BETTER, Better, Metric
from aigc_core.tasks.latent import IW_SAMPLES
from aigc_core.text import Text

__all__ = ["BETTER", "DIGITS", "METRICS", "Better", "Metric", "player_name"]

# The networks of a training. One of another name keeps it in both languages.
PLAYERS = {
    "generator": Text("generator", "生成器"),
    "discriminator": Text("discriminator", "判别器"),
    "classifier": Text("classifier", "分类器"),
    "critic": Text("critic", "评论家"),
    "vae": Text("VAE", "VAE"),
    "model": Text("model", "模型"),
}


def player_name(player: str) -> Text:
    return PLAYERS.get(player, Text(player, player))


DIGITS: dict[str, Metric] = {
    "fid": Metric(
        Text("FID", "FID"),
        Text(
            "Fréchet distance between the features of made and of training digits.",
            "生成数字与训练数字的特征分布之间的 Fréchet 距离。",
        ),
        "lower",
        paper="https://arxiv.org/abs/1706.08500",
    ),
    "inception_score": Metric(
        Text("Inception score", "Inception 分数"),
        Text(
            "Every picture clearly one digit, and all ten present; 10 at most.",
            "每幅图都清楚地是某个数字，且十个数字齐全；最高为 10。",
        ),
        "higher",
        paper="https://arxiv.org/abs/1606.03498",
    ),
    "label_accuracy": Metric(
        Text("Label accuracy", "标签准确率"),
        Text(
            "How often the judge reads the digit that was asked for.",
            "评判网络读出的数字与所要求的一致的比例。",
        ),
        "higher",
        share=True,
    ),
    "class_distance": Metric(
        Text("Class distance", "类别偏差"),
        Text(
            "Total variation between the shares of the digits and those in the training data.",
            "各数字所占比例与训练数据之间的全变差距离。",
        ),
        "lower",
        share=True,
    ),
    "precision": Metric(
        Text("Precision", "精确率"),
        Text(
            "Share of made digits that lie among real ones.",
            "生成数字中落在真实数字流形内的比例。",
        ),
        "higher",
        share=True,
        paper="https://arxiv.org/abs/1904.06991",
    ),
    "recall": Metric(
        Text("Recall", "召回率"),
        Text(
            "Share of real digits that lie among made ones: low when modes are missing.",
            "真实数字中落在生成数字流形内的比例；缺失模式时偏低。",
        ),
        "higher",
        share=True,
        paper="https://arxiv.org/abs/1904.06991",
    ),
    "density": Metric(
        Text("Density", "密度"),
        Text(
            "How many real neighbourhoods a made digit lies in, over the number expected.",
            "生成数字所处的真实邻域数与期望值之比。",
        ),
        "real",
        paper="https://arxiv.org/abs/2002.09797",
    ),
    "coverage": Metric(
        Text("Coverage", "覆盖率"),
        Text(
            "Share of real digits with a made one in their neighbourhood.",
            "邻域内有生成数字的真实数字的比例。",
        ),
        "higher",
        share=True,
        paper="https://arxiv.org/abs/2002.09797",
    ),
    "pixel_distance": Metric(
        Text("Nearest training digit, pixels", "最近训练样本距离（像素）"),
        Text(
            "Median L2 distance in pixel values of 0 to 1.",
            "到最近训练样本的 L2 距离中位数，像素取值 0 到 1。",
        ),
        "real",
    ),
    "pixel_closer": Metric(
        Text("Suspiciously near, pixels", "过近样本比例（像素）"),
        Text(
            "Share nearer to a training digit than 99 % of new real digits are: high when "
            "training digits are copied.",
            "比 99% 的新真实数字更接近训练样本的比例；照抄训练样本时偏高。",
        ),
        "lower",
        share=True,
    ),
    "feature_distance": Metric(
        Text("Nearest training digit, features", "最近训练样本距离（特征）"),
        Text(
            "Median L2 distance between feature vectors.",
            "特征向量之间 L2 距离的中位数。",
        ),
        "real",
    ),
    "feature_closer": Metric(
        Text("Suspiciously near, features", "过近样本比例（特征）"),
        Text(
            "The same share between feature vectors.",
            "以特征向量计算的同一比例。",
        ),
        "lower",
        share=True,
    ),
    "elbo_nll": Metric(
        Text("Negative ELBO, nats", "负 ELBO（纳特）"),
        Text(
            "What a test digit costs at most: distortion + rate.",
            "一个测试数字的代价上界：失真 + 码率。",
        ),
        "lower",
        paper="https://arxiv.org/abs/1312.6114",
    ),
    "distortion": Metric(
        Text("Distortion, nats", "失真（纳特）"),
        Text(
            "What the pixels cost once the latent is known; a higher rate can lower it.",
            "已知潜变量后，像素的代价；提高码率可使其降低。",
        ),
        "neither",
    ),
    "rate": Metric(
        Text("Rate, nats", "码率（纳特）"),
        Text(
            "What the latent tells of the picture: its distance (KL) from the prior. At 0 it tells "
            "nothing (posterior collapse).",
            "潜变量所含的图片信息：它与先验的 KL 散度；为 0 即后验坍缩，潜变量不含任何信息。",
        ),
        "neither",
    ),
    "iw_nll": Metric(
        Text("Importance-weighted bound, nats", "重要性加权界（纳特）"),
        Text(
            "A closer bound on the same cost, from {samples} samples of the latent.",
            "对同一代价的更紧上界，取潜变量的 {samples} 个样本。",
        ).fill(samples=IW_SAMPLES),
        "lower",
        paper="https://arxiv.org/abs/1509.00519",
    ),
    "accuracy": Metric(
        Text("Accuracy", "准确率"),
        Text("Share of the test digits read right.", "测试数字识别正确的比例。"),
        "higher",
        share=True,
    ),
}

METRICS: dict[str, Metric] = DIGITS | TEXTS
