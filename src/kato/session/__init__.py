"""Short-term memory, and a session that keeps one."""

from kato.session.session import Observed, Session

__all__ = ["Observed", "Session"]
