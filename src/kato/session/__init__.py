"""Short-term memory, and a session that keeps one."""

from kato.model.answers import Learned, Observation, Observed, ObservedMany, SessionInfo
from kato.session.session import Session

__all__ = ["Learned", "Observation", "Observed", "ObservedMany", "Session", "SessionInfo"]
