"""Moving in from KATO 3 and from its older MongoDB storage.

A source gives rows (:mod:`kato3`, :mod:`mongodb`); each is checked (:mod:`checking`) and staged on
disk (:mod:`stage`); what is staged is taken over step by step (:mod:`moving`) and compared with
what is stored then (:mod:`verifying`). What did not fit is told (:mod:`report`).
"""
