"""A plain algorithm for each fast one: slow, short, and written from the specification alone.

``KATO_PLAIN`` puts them in the place of the fast ones, which are held against them; see
``docs/plain.md``. Nothing here is compiled, bounded, sampled, fused or sent together.
"""
