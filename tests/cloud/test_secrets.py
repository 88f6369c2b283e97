"""What the load-balancer service gets of a reference: the bundle or the text, or a refusal that gives nothing away."""

import logging
import threading

import pytest

from tests import certificates
from tests.api import keymanager_cloud
from tests.api.keymanager_cloud import CALLERS, user
from vipool.cloud.secrets import base
from vipool.cloud.secrets.embedded import Secrets, finding
from vipool.core import certificate, opening
from vipool.host import confined
from vipool.model import faults, payload
from vipool.store import rows

BYTES = {"Content-Type": "application/octet-stream"}
GONE = f"http://x/key-manager/v1/secrets/{keymanager_cloud.NOBODYS}"


@pytest.fixture
def keys(tmp_path):
    made = keymanager_cloud.Cloud(tmp_path / "keys.db")
    yield made
    made.close()


@pytest.fixture
def service(keys):
    """The service, opening bundles in this process."""
    made: base.Secrets = Secrets(vault=keys.vault, opener=opening.answer)
    return made


@pytest.fixture(scope="module")
def chain():
    """A certificate, who issued it, who issued that."""
    root = certificates.authority("Root")
    middle = root.issue("Middle")
    return middle.issue("www.example", "www.example", "*.example"), middle, root


def kept(keys, clear: bytes, who="alice") -> str:
    """The reference of a secret with these bytes."""
    made = keys.make("secrets", who=who)
    assert keys.ask("PUT", made, clear, who=who, **BYTES).status_code == 204
    return f"{keymanager_cloud.URL}/v1/{made}"


def boxed(keys, who="alice", **parts: bytes) -> str:
    """The reference of a certificate container."""
    refs = [{"name": name, "secret_ref": kept(keys, clear, who)} for name, clear in parts.items()]
    return f"{keymanager_cloud.URL}/v1/{keys.make('containers', who=who, type='certificate', secret_refs=refs)}"


def parts(own, **more: bytes) -> dict[str, bytes]:
    return {"certificate": own.pem, "private_key": own.key_pem(), **more}


def bundle(keys, service: base.Secrets, ref: str, who="alice"):
    with keys.database.read() as held:
        return service.bundle(held, CALLERS[who], ref)


def refused(keys, service, ref, who="alice") -> str:
    """The reason for the operator, where the sentence is the one that gives nothing away."""
    with pytest.raises(base.NotRetrieved) as caught:
        bundle(keys, service, ref, who)
    assert caught.value.sentence == f"Could not retrieve certificate: ['{ref}']"
    assert caught.value.refs == (ref,)
    return caught.value.reason


def grant(keys, ref: str, *names: str) -> None:
    path = ref.removeprefix(f"{keymanager_cloud.URL}/v1/")
    assert keys.ask("PUT", f"{path}/acl", {"read": {"users": [user(name) for name in names]}}).status_code == 200


def test_both_shapes_make_the_same_bundle(keys, service, chain):
    own, middle, root = chain
    archive = bundle(keys, service, kept(keys, own.archive(middle, root)))
    box = bundle(keys, service, boxed(keys, **parts(own, intermediates=root.pem + middle.pem)))
    assert archive == box
    assert box.dns_names == ("www.example", "*.example")
    assert len(box.intermediates) == 2


def test_a_key_with_its_pass_phrase_beside_it_is_opened(keys, service, chain):
    own = chain[0]
    ref = boxed(keys, certificate=own.pem, private_key=own.key_pem(b"secret"), private_key_passphrase=b"secret")
    assert "BEGIN PRIVATE KEY" in bundle(keys, service, ref).private_key


@pytest.mark.parametrize("host", ["http://cloud.example", "https://198.51.100.7:9876", "http://[2001:db8::1]", "x"])
@pytest.mark.parametrize("tail", ["", "/"])
def test_a_reference_counts_by_its_last_two_segments_whatever_the_host(keys, service, chain, host, tail):
    path = kept(keys, chain[0].archive()).removeprefix("http://cloud.example")
    assert bundle(keys, service, f"{host}{path}{tail}").name == "www.example"


@pytest.mark.parametrize(
    "ref",
    ["", "/", "secrets", "secrets/x", f"orders/{keymanager_cloud.NOBODYS}", "http://[", f"{GONE}/payload", "x\x00"],
)
def test_what_is_no_reference_is_not_retrieved(keys, service, ref):
    assert finding.place(ref) is None
    with pytest.raises(base.NotRetrieved) as caught:
        bundle(keys, service, ref)
    assert "is no reference" in caught.value.reason


def test_several_references_that_fail_make_one_refusal():
    assert base.NotRetrieved(["a", "b"]).sentence == "Could not retrieve certificate: ['a', 'b']"


def test_who_may_not_read_it_is_told_the_same_as_where_nothing_is(keys, service, chain):
    refs = [kept(keys, chain[0].archive()), boxed(keys, **parts(chain[0]))]
    for ref in refs:
        for who in ("alice", "dana", "creator", "observer", "chief"):
            assert bundle(keys, service, ref, who).name == "www.example"
        for who in ("bob", "rita(reader)", "audit", "admin", "service", "stranger-unscoped"):
            assert "may not read" in refused(keys, service, ref, who)
    assert "There is no secret" in refused(keys, service, GONE, "bob")


def test_the_log_says_why_nothing_was_retrieved(keys, service, chain, caplog):
    ref = kept(keys, chain[0].archive())
    with caplog.at_level(logging.INFO):
        reason = refused(keys, service, ref, "bob")
    assert f"What is behind '{ref}' was not retrieved: {reason}" in caplog.text


def test_an_access_list_opens_a_secret(keys, service, chain):
    ref = kept(keys, chain[0].archive())
    grant(keys, ref, "service")
    assert bundle(keys, service, ref, "service").name == "www.example"
    grant(keys, ref)
    refused(keys, service, ref, "service")


def test_an_access_list_of_a_container_does_not_open_the_secrets_in_it(keys, service, chain):
    inside = {name: kept(keys, clear) for name, clear in parts(chain[0]).items()}
    refs = [{"name": name, "secret_ref": ref} for name, ref in inside.items()]
    box = f"{keymanager_cloud.URL}/v1/{keys.make('containers', type='certificate', secret_refs=refs)}"
    grant(keys, box, "service")
    assert "may not read secret" in refused(keys, service, box, "service")
    for ref in inside.values():
        grant(keys, ref, "service")
    assert bundle(keys, service, box, "service").name == "www.example"


def test_containers_that_make_no_bundle_are_not_retrieved(keys, service, chain):
    own = chain[0]
    other = certificates.authority("Other")
    generic = keys.make("containers", type="generic")
    wrong = {
        f"{keymanager_cloud.URL}/v1/{generic}": "of type generic",
        boxed(keys, certificate=own.pem): "has no private_key",
        boxed(keys, certificate=own.pem, private_key=other.key_pem()): "does not belong to the certificate",
        boxed(keys, certificate=b"nonsense", private_key=own.key_pem()): "The certificate cannot be read",
        boxed(keys, certificate=own.pem, private_key=own.key_pem(b"x")): "The private_key cannot be read",
        boxed(keys, **parts(own, intermediates=b"nonsense")): "The intermediates cannot be read",
        f"{GONE.replace('secrets', 'containers')}": "There is no container",
    }
    for ref, reason in wrong.items():
        assert reason in refused(keys, service, ref)


def test_a_secret_in_a_container_that_is_gone_or_empty_is_not_retrieved(keys, service, chain):
    own = chain[0]
    empty = f"{keymanager_cloud.URL}/v1/{keys.make('secrets')}"
    refs = [{"name": "certificate", "secret_ref": kept(keys, own.pem)}, {"name": "private_key", "secret_ref": empty}]
    box = f"{keymanager_cloud.URL}/v1/{keys.make('containers', type='certificate', secret_refs=refs)}"
    assert "has no payload yet" in refused(keys, service, box)
    keys.ask("DELETE", empty.removeprefix(f"{keymanager_cloud.URL}/v1/"))
    assert "has no private_key" in refused(keys, service, box)


@pytest.mark.parametrize("clear", [b"nonsense", certificates.authority().archive(phrase=b"x")], ids=["none", "locked"])
def test_an_archive_that_cannot_be_opened_is_refused_in_octavias_words(keys, service, clear):
    with pytest.raises(certificate.Unusable, match=r"The PKCS12 bundle is unreadable\. Please check"):
        bundle(keys, service, kept(keys, clear))


def test_a_certificate_for_no_name_is_refused_in_octavias_words(keys, service):
    nameless = certificates.authority().issue(None)
    for ref in (kept(keys, nameless.archive()), boxed(keys, **parts(nameless))):
        with pytest.raises(faults.Invalid, match="No CN or DNSName"):
            bundle(keys, service, ref)


def test_a_lost_key_is_said_as_it_is(keys, service, chain):
    ref = kept(keys, chain[0].archive())
    with keys.database.write() as held:
        rows.change(held, payload.Payload, ref.rpartition("/")[2], {"key_id": "0" * 16})
    with pytest.raises(faults.Unavailable, match="the key it is sealed with is missing"):
        bundle(keys, service, ref)


def test_nodes_get_what_was_accepted_whoever_may_read_it_by_now(keys, service, chain):
    own, middle, root = chain
    archive, text = kept(keys, own.archive(middle)), kept(keys, root.pem)
    with keys.database.read() as held:
        assert service.kept_bundle(held, archive) == service.bundle(held, CALLERS["alice"], archive)
        assert service.kept_pem(held, text) == root.pem.decode()
    keys.ask("DELETE", archive.removeprefix(f"{keymanager_cloud.URL}/v1/"))
    with keys.database.read() as held:
        with pytest.raises(faults.NotFound, match=r"There is no secret .*, or no longer"):
            service.kept_bundle(held, archive)
        with pytest.raises(faults.NotFound):
            service.kept_pem(held, GONE)


def test_the_text_of_a_secret_is_given_to_who_may_read_it(keys, service, chain):
    ref = kept(keys, chain[2].pem)
    stored_as_text = f"{keymanager_cloud.URL}/v1/{keys.store(chain[2].pem.decode())}"
    with keys.database.read() as held:
        for each in (ref, stored_as_text):
            certificate.check_authority(service.pem(held, CALLERS["dana"], each).encode())
        for who, each in (("bob", ref), ("alice", GONE), ("alice", kept(keys, b"\xff\xfe")), ("alice", "nonsense")):
            with pytest.raises(base.NotRetrieved, match="Could not retrieve certificate"):
                service.pem(held, CALLERS[who], each)
        box = boxed(keys, **parts(chain[0]))
        with pytest.raises(base.NotRetrieved) as caught:
            service.pem(held, CALLERS["alice"], box)
        assert "give that of a secret" in caught.value.reason


# --- what takes too long ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def child():
    """Opens bundles as the server does."""
    made = confined.Confined("vipool.core.opening", "answer", seconds=1)
    yield made
    made.close()


def test_a_bundle_is_opened_by_the_child_as_it_is_here(keys, service, child, chain):
    elsewhere = Secrets(vault=keys.vault, opener=child)
    for ref in (kept(keys, chain[0].archive(chain[1])), boxed(keys, **parts(chain[0]))):
        assert bundle(keys, elsewhere, ref) == bundle(keys, service, ref)
    with pytest.raises(certificate.Unusable, match="The PKCS12 bundle is unreadable"):
        bundle(keys, elsewhere, kept(keys, b"nonsense"))


def test_what_would_take_hours_to_open_is_refused_and_keeps_nobody_waiting(keys, child, chain):
    elsewhere = Secrets(vault=keys.vault, opener=child)
    own = chain[0]
    archive = kept(keys, own.endless_archive())
    box = boxed(keys, certificate=own.pem, private_key=certificates.endless_key(), private_key_passphrase=b"x")
    answered = threading.Event()

    def asking():
        with pytest.raises(certificate.Unusable, match="it takes too long to open"):
            bundle(keys, elsewhere, archive)
        answered.set()

    thread = threading.Thread(target=asking)
    thread.start()
    meanwhile = 0
    while not answered.is_set():
        assert keys.get("secrets")["total"]
        meanwhile += 1
    thread.join()
    assert meanwhile > 1
    assert "it takes too long to open" in refused(keys, elsewhere, box)
    assert bundle(keys, elsewhere, kept(keys, own.archive())).name == "www.example"
