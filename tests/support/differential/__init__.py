"""Random zones and questions, asked of our answering code and of other servers, and compared.

``randomzones`` and ``questions`` make them from a seed, ``trial`` asks everybody, ``replies`` says
what two replies must share, ``exemptions`` where we decide otherwise than all others, ``shrinking``
finds the smallest zones that still disagree; ``python -m tests.support.differential`` runs seeds.
"""
