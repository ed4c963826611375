"""The release."""

from importlib.metadata import version

VERSION = version("kato")
"""As the package says it."""
