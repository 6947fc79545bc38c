"""Any octets under any subject get a failure reply, and cause no bug."""

import asyncio
import random
from pathlib import Path

import msgspec
import nats
from tests.contract.conftest import open_remote_refs

from zonegit.bus import headers
from zonegit.wire import codec
from zonegit.wire.messages import FailureReply

LONG_TEXT = "x" * 300
WHY = {"reason": "r", "operation": "o" * 16, "force": False}

SUBJECTS = [
    "zg.ada.refs.where",
    "zg.ada.refs.snapshot",
    "zg.ada.refs.since",
    "zg.ada.refs.zone",
    "zg.ada.refs.zone.zone._.=",
    "zg.ada.refs.zone.heads.main.com.foo.=",
    "zg.ada.refs.reflog.tags.v1.com.foo.=",
    "zg.ada.refs.at",
    "zg.ada.refs.operations",
    "zg.ada.refs.operations.heads.main.com.foo.=",
    "zg.ada.refs.operation",
    "zg.ada.refs.unpoint",
    "zg.ada.refs.unpoint.tags.v1.com.foo.=",
    "zg.ada.refs.at.heads.main.com.foo.=",
    "zg.ada.refs.register.zone._.com.foo",
    "zg.ada.refs.register.heads.main.com.foo.=",
    "zg.ada.refs.move.zone._.com.foo.=",
    "zg.ada.refs.move.heads.main.com.foo.=",
    "zg.ada.refs.move.heads.=2E=2E.com.foo.=",
    "zg.ada.refs.move.heads.=FF=FE.com.foo.=",
    "zg.ada.refs.judge",
    "zg.ada.refs.judge.zone._.com.foo.=",
    "zg.ada.refs.judge.heads.main.com.foo.=",
    "zg.ada.refs.basis.zone._.com.foo.=",
    "zg.ada.refs.basis.heads.main.=FF.=",
    "zg.ada.refs.point.tags.v1.com.foo.=",
    "zg.ada.refs.point.heads.main.=41=41.=",
    "zg.=00.refs.where",
    f"zg.{LONG_TEXT}.refs.where",
    f"zg.ada.refs.zone.zone._.{LONG_TEXT}.=",
    "zg.ada.refs.burn.heads.main.com.foo.=",
    "zg.ada.objects.get",
    "zg.ada.objects.put",
    "zg.ada.objects.missing",
    "zg.ada.objects.find",
    "zg.ada.objects.list",
    "zg.ada.objects.history",
    "zg.ada.objects.get.heads.main.com.foo.=",
]
PAYLOADS: list[object] = [
    {},
    [],
    None,
    {"after": b"no name"},
    {"after": b"\3FOO\0"},
    {"epoch": "e", "sequence": -(2**63)},
    {"epoch": "e", "sequence": 2**64 - 1},
    {"limit": 10**6},
    {"limit": 10, "before": -1},
    {"limit": 1, "actor": LONG_TEXT * 20},
    {"prefix": "", "after": 0},
    {"default": True, "remembered": True, "why": WHY},
    {"when": {"type": "at", "time": float("nan")}},
    {"when": {"type": "ago", "seconds": -1.0}},
    {"when": {"type": "back", "moves": 2**63}},
    {"ids": [b"short"]},
    {"ids": [bytes(32)] * 9_000},
    {"tips": [bytes(32)], "limit": 0},
    {"tips": [bytes(32)], "limit": 2**63},
    {"tips": [bytes(32)], "limit": 9},
    {"tips": [bytes(32)] * 1_025, "limit": 9},
    {"tips": [], "limit": 9},
    {"tips": [b"short"], "limit": 9},
    {"prefix": "zzzz"},
    {"prefix": "00%_"},
    {"objects": [[bytes(32), "blob", b""]]},
    {"objects": [[bytes(32), "virus", b""]]},
    {"objects": [[b"", "blob", b""]]},
    {"why": {"reason": "r", "operation": "short"}},
    {"why": WHY, "expected": {"type": "exactly", "target": b"x"}, "new": bytes(32)},
    {"why": WHY, "expected": {"type": "never"}, "new": None},
    {"why": WHY, "expected": {"type": "anything"}, "new": b"x" * 31},
    {"why": WHY, "expected": {"type": "anything"}, "new": bytes(32), "objects": [[]]},
    {"why": WHY, "default": "yes"},
    {"why": WHY, "expected": {"type": "absent"}, "new": bytes(32), "registers": True},
    {"why": WHY, "expected": {"type": "absent"}, "new": None, "registers": 1},
]


def asker_of(subject: str) -> str:
    return subject.split(".")[1]


async def test_hostile_requests_never_cause_an_internal_error(
    tmp_path: Path, nats_url: str
) -> None:
    async with open_remote_refs(tmp_path, nats_url) as harness:
        epoch = (await harness.refs.snapshot()).epoch
        far = [{"epoch": epoch, "sequence": number} for number in (-1, 2**63 - 1, 2**64 - 1)]
        clients = {
            asker: await nats.connect(nats_url, inbox_prefix=f"_INBOX.{asker}")
            for asker in {asker_of(subject) for subject in SUBJECTS}
        }
        for subject in SUBJECTS:
            client = clients[asker_of(subject)]
            requests = (client.request(subject, octets, 20) for octets in make_payloads(far))
            for reply in await asyncio.gather(*requests):
                if headers.FAILED in (reply.headers or {}):
                    failure = codec.decode(reply.data, FailureReply)
                    assert failure.code in ("invalid", "not-found", "corrupt"), (subject, failure)
        for client in clients.values():
            await client.close()
        assert (await harness.refs.snapshot()).sequence == 0


def make_payloads(more: list[dict[str, object]]) -> list[bytes]:
    """Return well-formed msgpack that is not a message, noise, and very deep nesting."""
    rng = random.Random(1)
    encoded = [msgspec.msgpack.encode(payload) for payload in [*PAYLOADS, *more]]
    noise = [rng.randbytes(rng.randrange(200)) for _ in range(20)]
    return [*encoded, *noise, b"\x81" * 5_000, b"\xdd\xff\xff\xff\xff", b""]
