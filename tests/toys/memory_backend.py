"""A backend of the object store in memory (CONTRIBUTING.md, "Add a backend")."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from zonegit.errors import Invalid, NotFound
from zonegit.objects.codec import decode, list_links
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject, short, verify
from zonegit.objects.model import Blob, Commit
from zonegit.store import outline
from zonegit.store.backends import ObjectBackend
from zonegit.store.commit_reader import compute_moment
from zonegit.store.objects import MAX_LISTED, Dated
from zonegit.store.outline import Outline


class MemoryBackend(ObjectBackend):
    """Keeps objects in a dictionary."""

    def __init__(self) -> None:
        self._raws: dict[ObjectId, RawObject] = {}
        self._dated: dict[ObjectId, tuple[int, tuple[CommitId, ...]]] = {}
        self._installation = ""

    async def get_page(self, ids: Collection[ObjectId], max_octets: int | None) -> list[RawObject]:
        fitting: list[RawObject] = []
        for raw in map(self._read, dict.fromkeys(ids)):
            octets = sum(len(each.payload) for each in [*fitting, raw])
            if fitting and max_octets is not None and octets > max_octets:
                break
            fitting.append(raw)
        return fitting

    def _read(self, object_id: ObjectId) -> RawObject:
        if object_id not in self._raws:
            raise NotFound(f"object {short(object_id)} is not stored", object=object_id.hex())
        return verify(self._raws[object_id])

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        return {each: outline.outline_known(self._read(each), self._raws.get) for each in ids}

    async def put(self, objects: Sequence[RawObject]) -> None:
        added: dict[ObjectId, RawObject] = {}
        dated = dict(self._dated)
        for raw in objects:
            value = decode(verify(raw))
            for link in list_links(value):
                if link not in self._raws and link not in added:
                    raise Invalid(f"{short(raw.id)} refers to {short(link)}, which is not stored")
            if isinstance(value, Blob) and raw.id not in self._raws:
                outline.refuse_malformed(raw, value)
            if isinstance(value, Commit):
                moment = compute_moment(value, [dated[each][0] for each in value.parents])
                dated[raw.id] = (moment, value.parents)
            added[raw.id] = raw
        self._raws, self._dated = self._raws | added, dated

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        return set(ids) - self._raws.keys()

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        return self._list(each for each in self._raws if each.hex().startswith(prefix))[:16]

    async def list_page(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        return [*self._list(each for each in self._raws if each > (after or b""))[:MAX_LISTED]]

    def _list(self, ids: Iterable[ObjectId]) -> list[tuple[ObjectId, ObjectKind]]:
        return sorted((each, self._raws[each].kind) for each in ids)

    async def history_page(
        self, tips: Collection[CommitId], limit: int, max_octets: int | None
    ) -> list[Dated]:
        for tip in tips:
            if tip not in self._dated:
                raise NotFound(f"commit {short(tip)} is not stored", object=tip.hex())
        past, new = set(tips), set(tips)
        while new := {each for at in new for each in self._dated[at][1]} - past:
            past |= new
        others = sorted(past - set(tips), key=lambda each: (-self._dated[each][0], each))
        wanted = [*dict.fromkeys(tips), *others][: max(limit, len(set(tips)))]
        return [
            Dated(raw, self._dated[raw.id][0]) for raw in await self.get_page(wanted, max_octets)
        ]

    async def installation(self) -> str:
        return self._installation

    async def join(self, installation: str) -> None:
        self._installation = installation
