"""Every octet written by the original implementation is read, and written again."""

import pytest
from tests.support import vectors

from zonegit.objects.codec import decode, encode, list_links
from zonegit.objects.ids import RawObject, verify
from zonegit.objects.model import Blob, Commit, Symref, Tree
from zonegit.zone import names, rrtypes

FOO_COM = vectors.foo_com()
V03 = vectors.v03()


@pytest.mark.parametrize("raw", [raw for _, raw in FOO_COM], ids=[path for path, _ in FOO_COM])
def test_every_object_of_foo_com_is_encoded_to_the_same_octets(raw: RawObject):
    assert encode(decode(verify(raw))) == raw


@pytest.mark.parametrize("raw", V03, ids=[raw.id.hex()[:12] for raw in V03])
def test_every_object_of_a_v03_store_is_encoded_to_the_same_octets(raw: RawObject):
    assert encode(decode(verify(raw))) == raw


@pytest.mark.parametrize("store", [[raw for _, raw in FOO_COM], V03], ids=["foo.com", "v0.3"])
def test_every_link_in_a_store_has_an_object(store: list[RawObject]):
    held = {raw.id for raw in store}
    assert {link for raw in store for link in list_links(decode(raw))} <= held


BLOBS = [(path, raw) for path, raw in FOO_COM if raw.kind == "blob"]


@pytest.mark.parametrize(("path", "raw"), BLOBS, ids=[path for path, _ in BLOBS])
def test_the_blobs_of_foo_com_are_in_the_places_of_their_owner_and_type(path: str, raw: RawObject):
    """Paths have ``/label`` for a subtree and ``:TYPE`` for an RRset."""
    down, _, mnemonic = path.rpartition(":")
    labels = [label.encode() for label in reversed(down.split("/")[1:])]
    blob = decode(raw)
    assert isinstance(blob, Blob)
    assert blob.rrset.owner == names.join([*labels, b"foo", b"com"])
    assert rrtypes.to_text(blob.rrset.rdtype) == mnemonic


def test_the_commit_of_foo_com_has_author_and_date():
    (commit,) = (value for _, raw in FOO_COM if isinstance(value := decode(raw), Commit))
    assert (commit.author.name, commit.author.email) == ("root", "root@vm")
    assert (commit.author.time, commit.author.zone) == (1795232912, "+0000")
    assert commit.message == "initial import"
    assert isinstance(decode({raw.id: raw for _, raw in FOO_COM}[commit.tree]), Tree)


def test_the_branches_of_a_v03_store_are_commits_of_it():
    refs = vectors.load("v03-store.json")["refs"]
    by_id = {raw.id.hex(): raw for raw in V03}
    tips = [decode(by_id[refs[f"refs/heads/{branch}"]]) for branch in ("main", "canary")]
    assert all(isinstance(tip, Commit) for tip in tips)


def test_the_symref_is_plain_text():
    raw = encode(Symref("refs/heads/foo.com./main"))
    assert raw.payload == b"refs/heads/foo.com./main"
