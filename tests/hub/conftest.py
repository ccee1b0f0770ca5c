"""A hub on loopback, and a machine that has never spoken with another one."""

from tests.hub.fixtures import hub

__all__ = ["hub"]
