"""List the verbs of the stores: their messages, the forms of their subjects, and the rights they
require.

Everything about a verb follows from its row: clients send its message to its subject and decode its
reply (:mod:`zonegit.bus.verb_client`), a service has one method that answers it
(:func:`zonegit.bus.service.answers`), and :mod:`zonegit.wire.permissions` and ``docs/wire.md`` list
it. A row has the types of its messages, so mypy compares them with the code of both sides.

A service answers a verb only with a subject of a form in this table. A request with another form is
refused: the broker compares subjects, so a deny line for ``refs.adopt`` does not cover
``refs.adopt.zone._.=``.
"""

from collections.abc import Iterable
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import msgspec

from zonegit.errors import Invalid
from zonegit.store.basis import Basis
from zonegit.store.recovery import Recovery
from zonegit.store.ref_log import LogPage, Moved, OperationDetails, Operations, RefAt
from zonegit.store.ref_names import RefName
from zonegit.store.refs import CheckedStore, HeadsOfOperator, Installation, RefsSnapshot, ZoneRefs
from zonegit.wire import messages as m
from zonegit.wire import subjects
from zonegit.wire.subjects import Request

M = TypeVar("M", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


class Right(Enum):
    """A permission of a bus user; the value is its description."""

    READ = "read objects and refs, and check moves without making them"
    PUT = "store objects; stored objects cannot be changed"
    MOVE = "move, create and delete branches and tags"
    SERVE = "change the serving settings of zones, such as the canary"
    ZONES = "add zones, and remove those that have no other refs"
    POINT = "move one's own HEAD"
    DEFAULT = "move the default HEAD, which operators without their own HEAD use"
    ADOPT = "migrate a store of the original"
    RECOVER = "recover zones after a restore from a backup"
    REPLACE = "let this store replace that of another installation"

    @property
    def mutates(self) -> bool:
        """Return whether the right allows changes of a store."""
        return self is not Right.READ


class Form(Enum):
    """The form of the subject of a request; the value is that part of it, as a permission matches
    it."""

    NOTHING = ""
    ZONE = "zone._"
    BRANCH = "heads.*"
    TAG = "tags.*"
    SERVING = "serving._"
    OWN = "own"
    DEFAULT = "default.*"


class Verb(msgspec.Struct, Generic[M, R], frozen=True):
    """A request that a service answers.

    Attributes:
        service: The token of the service in subjects.
        name: The name of the verb, unique in the service.
        message: The type of the request.
        reply: The type of the reply.
        right: The right that it requires.
        forms: The forms that its subject may have.
        other_rights: The rights of forms that require another right.
        is_slow: Whether it can take seconds although it changes nothing.
        is_long: Whether it can take minutes; the service sends interim replies while it advances
            (docs/adr/0048-interim-replies.md).
    """

    service: str
    name: str
    message: type[M]
    reply: type[R]
    right: Right
    forms: tuple[Form, ...] = (Form.NOTHING,)
    other_rights: dict[Form, Right] = {}
    is_slow: bool = False
    is_long: bool = False

    def make_subject(self, actor: str, ref: RefName | None = None, about: str | None = None) -> str:
        """Return the subject of a request (:func:`zonegit.wire.subjects.request`).

        Raises:
            Invalid: No actor can have that name.
        """
        return subjects.request(actor, self.service, self.name, ref, about)

    def right_to(self, form: Form) -> Right:
        """Return the right that a form requires."""
        return self.other_rights.get(form, self.right)

    def check_form(self, request: Request) -> None:
        """Check the form of the subject of a request.

        Raises:
            Invalid: The verb does not accept this form.
        """
        form = _KINDS[request.about]
        if form not in self.forms:
            wanted = " or ".join(_DESCRIPTIONS[each] for each in self.forms)
            raise Invalid(
                f"the subject names {_DESCRIPTIONS[form]}, but the request needs {wanted}"
            )


_DESCRIPTIONS: Final = MappingProxyType(
    {
        Form.NOTHING: "no ref",
        Form.ZONE: "a zone",
        Form.BRANCH: "a branch",
        Form.TAG: "a tag",
        Form.SERVING: "the serving settings of a zone",
        Form.OWN: "one's own HEAD",
        Form.DEFAULT: "a branch for the default HEAD",
    }
)
_KINDS: Final = MappingProxyType(
    {
        "": Form.NOTHING,
        "zone": Form.ZONE,
        "heads": Form.BRANCH,
        "tags": Form.TAG,
        "serving": Form.SERVING,
        subjects.OWN: Form.OWN,
        subjects.DEFAULT: Form.DEFAULT,
    }
)


_ZONE: Final = (Form.ZONE,)
_TIP: Final = (Form.BRANCH, Form.TAG)
_SERVING: Final = (Form.SERVING,)
_MOVABLE: Final = (*_TIP, *_SERVING)
_ANY: Final = (Form.BRANCH, Form.TAG, Form.SERVING, Form.ZONE)
_NONE_OR_ZONE: Final = (Form.NOTHING, Form.ZONE)


class ObjectVerbs:
    """The verbs of the object store."""

    GET: Final = Verb("objects", "get", m.GetObjects, m.GotObjects, Right.READ)
    PUT: Final = Verb("objects", "put", m.PutObjects, m.Done, Right.PUT)
    MISSING: Final = Verb("objects", "missing", m.MissingObjects, m.Missing, Right.READ)
    FIND: Final = Verb("objects", "find", m.FindObjects, m.FoundObjects, Right.READ)
    LIST: Final = Verb("objects", "list", m.ListObjects, m.ListedObjects, Right.READ)
    HISTORY: Final = Verb("objects", "history", m.HistoryOf, m.CommitHistory, Right.READ)


class RefVerbs:
    """The verbs of the ref store."""

    WHERE: Final = Verb("refs", "where", m.AskWhere, HeadsOfOperator, Right.READ)
    ZONE: Final = Verb("refs", "zone", m.AskZone, ZoneRefs, Right.READ, _ZONE)
    SNAPSHOT: Final = Verb("refs", "snapshot", m.AskSnapshot, RefsSnapshot, Right.READ)
    SINCE: Final = Verb("refs", "since", m.AskSince, LogPage, Right.READ)
    REFLOG: Final = Verb("refs", "reflog", m.AskReflog, m.Reflog, Right.READ, _ANY)
    AT: Final = Verb("refs", "at", m.AskAt, RefAt, Right.READ, _ANY)
    OPERATIONS: Final = Verb(
        "refs", "operations", m.AskOperations, Operations, Right.READ, _NONE_OR_ZONE,
    )  # fmt: skip
    OPERATION: Final = Verb("refs", "operation", m.AskOperation, OperationDetails, Right.READ)
    REGISTER: Final = Verb("refs", "register", m.Register, Moved, Right.ZONES, _ZONE)
    UNREGISTER: Final = Verb("refs", "unregister", m.Unregister, Moved, Right.ZONES, _ZONE)
    MOVE: Final = Verb("refs", "move", m.Move, Moved, Right.MOVE, _TIP, is_long=True)
    SERVE: Final = Verb("refs", "serve", m.Move, Moved, Right.SERVE, _SERVING)
    JUDGE: Final = Verb(
        "refs", "judge", m.Judge, m.Done, Right.READ, _MOVABLE,
        is_slow=True, is_long=True,
    )  # fmt: skip
    BASIS: Final = Verb("refs", "basis", m.AskBasis, Basis, Right.READ, _MOVABLE)
    POINT: Final = Verb(
        "refs", "point", m.Point, Moved, Right.POINT, (Form.BRANCH, Form.DEFAULT),
        {Form.DEFAULT: Right.DEFAULT},
    )  # fmt: skip
    UNPOINT: Final = Verb(
        "refs", "unpoint", m.Unpoint, Moved, Right.POINT, (Form.OWN, Form.ZONE, Form.NOTHING),
        {Form.NOTHING: Right.DEFAULT},
    )  # fmt: skip
    ADOPT: Final = Verb("refs", "adopt", m.Adopt, Moved, Right.ADOPT)
    RECOVERY: Final = Verb("refs", "recovery", m.AskRecovery, Recovery, Right.READ)
    CHECK: Final = Verb("refs", "check", m.AskCheck, CheckedStore, Right.READ)
    RECOVER: Final = Verb("refs", "recover", m.Recover, Moved, Right.RECOVER, _ZONE)
    RESOLVERS: Final = Verb("refs", "resolvers", m.AskResolvers, m.RegisteredResolvers, Right.READ)
    REPLACE: Final = Verb("refs", "replace", m.Replace, Installation, Right.REPLACE)


AnyVerb = Verb[Any, Any]


def list_verbs(table: type) -> tuple[AnyVerb, ...]:
    """Return the verbs of a table, which are the attributes of a class, in their order."""
    return tuple(value for value in vars(table).values() if isinstance(value, Verb))


VERBS: Final = (*list_verbs(ObjectVerbs), *list_verbs(RefVerbs))
"""All verbs, in the order of docs/wire.md."""


def of_service(service: str, table: Iterable[AnyVerb] = VERBS) -> dict[str, AnyVerb]:
    """Return the verbs of one service by their names."""
    return {verb.name: verb for verb in table if verb.service == service}
