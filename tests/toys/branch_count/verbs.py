"""The table with one more verb."""

from typing import Final

from tests.toys.branch_count.messages import AskBranches, BranchCount
from zonegit.wire.verbs import VERBS, Form, Right, Verb

BRANCHES: Final = Verb("refs", "branches", AskBranches, BranchCount, Right.READ, (Form.ZONE,))
TABLE: Final = (*VERBS, BRANCHES)
