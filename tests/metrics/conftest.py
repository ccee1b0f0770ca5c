"""Real digits and what the judge makes of them, once for all tests that need them."""

import pytest

from aigc_core.data.mnist import Digits, is_here, load_mnist
from aigc_core.metrics.evaluate import Judged, drawn, look
from aigc_core.metrics.reference import read


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    if not is_here():
        pytest.skip("MNIST is not on this machine; AIGC_DATA_DIR names the folder it is looked for")
    return load_mnist("test", download=False)


@pytest.fixture(scope="session")
def judged(test_digits: Digits) -> Judged:
    """All 10,000 test digits, in the proportions of the training data."""
    return look(*drawn(test_digits, len(test_digits), read().prior))
