"""The recall index: patterns laid out so that most of them never need to be read."""
