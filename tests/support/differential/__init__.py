"""Compare the answers of zonegit with those of other servers, for random zones and questions.

``randomzones`` and ``questions`` generate them from a seed, ``trial`` sends the questions to all
servers, ``replies`` compares two replies, ``exemptions`` lists the deliberate differences, and
``shrinking`` finds the smallest zones that show a difference. ``python -m
tests.support.differential`` runs seeds.
"""
