"""The ref store with the method that answers the verb."""

from tests.toys.branch_count.messages import AskBranches, BranchCount
from tests.toys.branch_count.verbs import BRANCHES, TABLE
from zonegit.bus.endpoints import Endpoints, answers, endpoints_of
from zonegit.errors import Invalid
from zonegit.wire.subjects import Request
from zonegit_refs.handlers import RefHandlers


class CountingHandlers(RefHandlers):
    """Answers one more verb."""

    def endpoints(self) -> Endpoints:
        return endpoints_of("refs", self, TABLE)

    @answers(BRANCHES)
    async def branches(self, request: Request, message: AskBranches) -> BranchCount:
        if request.ref is None or request.ref.zone is None:
            raise Invalid("the subject must name a zone")
        refs = await self._refs.zone(request.ref.zone, request.actor)
        return BranchCount(branches=len(refs.heads))
