"""List the verbs of the stores: their messages, the forms of their subjects, and the rights they
require.

A service answers a verb only with a subject of a form in this table, and
:mod:`zonegit.wire.permissions` generates the permissions of bus users from it. A request with
another form is refused: the broker compares subjects, so a deny line for ``refs.adopt`` does not
cover ``refs.adopt.zone._.=``.
"""

from enum import Enum
from types import MappingProxyType
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.store.basis import Basis
from zonegit.store.recovery import Recovery
from zonegit.store.ref_log import LogPage, Moved, OperationDetails, Operations, RefAt
from zonegit.store.refs import CheckedStore, HeadsOfOperator, Installation, RefsSnapshot, ZoneRefs
from zonegit.wire import messages as m
from zonegit.wire import subjects
from zonegit.wire.subjects import Request


class Right(Enum):
    """A permission of a bus user; the value is its description."""

    READ = "read objects and refs, and check moves without making them"
    PUT = "store objects; stored objects cannot be changed"
    MOVE = "move, create and delete branches and tags"
    ZONES = "add zones, and remove those that have no branches and tags"
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
    OWN = "own"
    DEFAULT = "default.*"


class Verb(msgspec.Struct, frozen=True):
    """A request that a service answers.

    Attributes:
        right: The right that it requires.
        forms: The forms that its subject may have.
        other_rights: The rights of forms that require another right.
        is_slow: Whether it can take seconds although it changes nothing.
    """

    service: str
    name: str
    message: type[msgspec.Struct]
    reply: type[msgspec.Struct]
    right: Right
    forms: tuple[Form, ...] = (Form.NOTHING,)
    other_rights: dict[Form, Right] = {}
    is_slow: bool = False

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
        subjects.OWN: Form.OWN,
        subjects.DEFAULT: Form.DEFAULT,
    }
)


_ZONE: Final = (Form.ZONE,)
_TIP: Final = (Form.BRANCH, Form.TAG)
_ANY: Final = (Form.BRANCH, Form.TAG, Form.ZONE)
_NONE_OR_ZONE: Final = (Form.NOTHING, Form.ZONE)

VERBS: Final = (
    Verb("objects", "get", m.GetObjects, m.GotObjects, Right.READ),
    Verb("objects", "put", m.PutObjects, m.Done, Right.PUT),
    Verb("objects", "missing", m.MissingObjects, m.Missing, Right.READ),
    Verb("objects", "find", m.FindObjects, m.FoundObjects, Right.READ),
    Verb("objects", "list", m.ListObjects, m.ListedObjects, Right.READ),
    Verb("objects", "history", m.HistoryOf, m.CommitHistory, Right.READ),
    Verb("refs", "where", m.AskWhere, HeadsOfOperator, Right.READ),
    Verb("refs", "zone", m.AskZone, ZoneRefs, Right.READ, _ZONE),
    Verb("refs", "snapshot", m.AskSnapshot, RefsSnapshot, Right.READ),
    Verb("refs", "since", m.AskSince, LogPage, Right.READ),
    Verb("refs", "reflog", m.AskReflog, m.Reflog, Right.READ, _ANY),
    Verb("refs", "at", m.AskAt, RefAt, Right.READ, _ANY),
    Verb("refs", "operations", m.AskOperations, Operations, Right.READ, _NONE_OR_ZONE),
    Verb("refs", "operation", m.AskOperation, OperationDetails, Right.READ),
    Verb("refs", "register", m.Register, Moved, Right.ZONES, _ZONE),
    Verb("refs", "unregister", m.Unregister, Moved, Right.ZONES, _ZONE),
    Verb("refs", "move", m.Move, Moved, Right.MOVE, _TIP),
    Verb("refs", "judge", m.Judge, m.Done, Right.READ, _TIP, is_slow=True),
    Verb("refs", "basis", m.AskBasis, Basis, Right.READ, _TIP),
    Verb(
        "refs", "point", m.Point, Moved, Right.POINT, (Form.BRANCH, Form.DEFAULT),
        {Form.DEFAULT: Right.DEFAULT},
    ),
    Verb(
        "refs", "unpoint", m.Unpoint, Moved, Right.POINT, (Form.OWN, Form.ZONE, Form.NOTHING),
        {Form.NOTHING: Right.DEFAULT},
    ),
    Verb("refs", "adopt", m.Adopt, Moved, Right.ADOPT),
    Verb("refs", "recovery", m.AskRecovery, Recovery, Right.READ),
    Verb("refs", "check", m.AskCheck, CheckedStore, Right.READ),
    Verb("refs", "recover", m.Recover, Moved, Right.RECOVER, _ZONE),
    Verb("refs", "resolvers", m.AskResolvers, m.RegisteredResolvers, Right.READ),
    Verb("refs", "replace", m.Replace, Installation, Right.REPLACE),
)  # fmt: skip
"""All verbs, in the order of docs/wire.md."""


def of_service(service: str) -> dict[str, Verb]:
    """Return the verbs of one service by their names."""
    return {verb.name: verb for verb in VERBS if verb.service == service}
