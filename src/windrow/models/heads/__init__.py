"""Heads, which map a representation or raw bands to the probability of each class.

Sequence heads (:mod:`lstm`, :mod:`inception`, :mod:`transformer`) see every date; light heads
(:mod:`linear`, :mod:`trees`) see one vector a series. All are written and read by :mod:`file`.
"""
