"""``python -m kato`` is ``kato``."""

from kato.cli import main

if __name__ == "__main__":
    main()
