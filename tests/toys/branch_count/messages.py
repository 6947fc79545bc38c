"""The messages of a verb that counts the branches of a zone."""

from zonegit.wire.messages import Count, Message


class AskBranches(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.branches: count the branches of the zone in the subject."""


class BranchCount(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The number of branches."""

    branches: Count
