"""A hub on loopback, and the stand-ins for what it serves."""

from tests.hub.fixtures import hub
from tests.stand_ins import stand_in

__all__ = ["hub", "stand_in"]
