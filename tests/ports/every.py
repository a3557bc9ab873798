"""All ports."""

from tests.ports import classifiers, generators, others, sequences

EVERY = (*classifiers.PORTS, *sequences.PORTS, *generators.PORTS, *others.PORTS)
