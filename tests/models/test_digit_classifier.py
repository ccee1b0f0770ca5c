import pytest
import torch

from aigc_core.checkpoint import load_network
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.models.digit_classifier import DigitClassifier

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture
def network() -> DigitClassifier:
    torch.manual_seed(0)
    return DigitClassifier(classes=7, width=4, features=9).eval().requires_grad_(False)


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(5, 28, 28, generator=torch.Generator().manual_seed(0))


def test_features_have_their_shape_and_are_not_negative(
    network: DigitClassifier, pictures: torch.Tensor
):
    features = network.features(pictures)
    assert features.shape == (5, 9)
    assert float(features.min()) >= 0
    assert float(features.max()) > 0


def test_logits_have_their_shape(network: DigitClassifier, pictures: torch.Tensor):
    assert network(pictures).shape == (5, 7)


def test_judging_is_both_in_one_pass(network: DigitClassifier, pictures: torch.Tensor):
    features, logits = network.judge(pictures)
    assert torch.equal(features, network.features(pictures))
    assert torch.equal(logits, network(pictures))
    assert not logits.requires_grad


def test_dropout_is_for_training_alone(network: DigitClassifier, pictures: torch.Tensor):
    assert torch.equal(network(pictures), network(pictures))
    network.train()
    assert not torch.equal(network(pictures), network(pictures))


def test_pictures_do_not_depend_on_each_other(network: DigitClassifier, pictures: torch.Tensor):
    for index, logits in enumerate(network(pictures)):
        assert torch.allclose(network(pictures[index : index + 1])[0], logits, atol=1e-5)


def test_the_shipped_judge_fits_its_network():
    judge = load_network(DigitClassifier, CHECKPOINTS / "mnist-classifier")
    features, logits = judge.judge(torch.zeros(1, 28, 28))
    assert features.shape == (1, 128)
    assert logits.shape == (1, 10)
