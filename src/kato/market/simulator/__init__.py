"""Exchanges to try feeds on, without a network: the protocols of all of them, on this machine.

They lose, repeat and shuffle trades, talk garbage, fall silent and hang up as they are told to, the
same for the same seed, and keep the truth: every trade that was made, and whether it was told.
"""

from kato.market.simulator.faults import Faults
from kato.market.simulator.simulator import Simulator
from kato.market.simulator.truth import Made, Truth, TruthFile

__all__ = ["Faults", "Made", "Simulator", "Truth", "TruthFile"]
