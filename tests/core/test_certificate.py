"""What tenants keep as certificates is read in every form they have, and refused in words where it makes none."""

import datetime
import functools
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from hypothesis import given
from hypothesis import strategies as st

from tests import certificates
from vipool.core import certificate, opening
from vipool.model import bundle, faults


@functools.cache
def chain() -> tuple[certificates.Issued, ...]:
    """A certificate, who issued it, who issued that."""
    root = certificates.authority("Root")
    middle = root.issue("Middle")
    return middle.issue("www.example", "www.example", "*.example"), middle, root


def parts(own: certificates.Issued, **more: bytes | None) -> bundle.Parts:
    return bundle.Parts(certificate=own.pem, private_key=own.key_pem(), **more)


def read_pem(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def check_same(found: bundle.Bundle, own: certificates.Issued) -> None:
    """That the certificate and the key are these."""
    assert read_pem(found.certificate) == own.certificate
    key = serialization.load_pem_private_key(found.private_key.encode(), None)
    assert key.public_key() == own.key.public_key()


def refused(material: bundle.Material, kind: certificate.Kind) -> str:
    """The sentence with which it is refused."""
    with pytest.raises(certificate.Unusable) as caught:
        certificate.opened(material)
    assert caught.value.kind == kind
    return caught.value.sentence


def test_an_archive_holds_a_certificate_its_key_and_its_chain():
    own, middle, root = chain()
    found = certificate.opened(bundle.Archive(payload=own.archive(root, middle)))
    check_same(found, own)
    assert [read_pem(each) for each in found.intermediates] == [middle.certificate, root.certificate]
    assert (found.name, found.dns_names) == ("www.example", ("www.example", "*.example"))
    assert found.not_after == certificates.END


@pytest.mark.parametrize("key", [certificates.rsa_key, certificates.ec_key], ids=["rsa", "ecdsa"])
def test_keys_of_both_common_kinds_are_read_in_both_shapes(key):
    own = certificates.authority().issue("a.example", key=key())
    check_same(certificate.opened(bundle.Archive(payload=own.archive())), own)
    check_same(certificate.opened(parts(own)), own)


def test_an_edwards_key_is_read_too():
    key = ed25519.Ed25519PrivateKey.generate()
    own = certificates.authority().issue("a.example", key=key)
    check_same(certificate.opened(parts(own)), own)


def test_an_archive_that_does_not_say_which_certificate_is_the_keys_is_searched():
    own, middle, root = chain()
    found = certificate.opened(bundle.Archive(payload=own.unmarked(root, middle)))
    check_same(found, own)
    assert [read_pem(each) for each in found.intermediates] == [middle.certificate, root.certificate]


def test_an_archive_with_a_pass_phrase_is_refused_in_octavias_words():
    own = chain()[0]
    said = refused(bundle.Archive(payload=own.archive(phrase=b"secret")), certificate.Kind.ARCHIVE)
    assert said.startswith(
        "The PKCS12 bundle is unreadable. Please check the PKCS12 bundle validity. In addition, make sure it does not "
        "require a pass phrase. Error: "
    )


def test_an_archive_with_another_key_is_refused():
    payload = chain()[0].archive_with(certificates.ec_key())
    said = refused(bundle.Archive(payload=payload), certificate.Kind.ARCHIVE)
    assert said.endswith("Error: its private key belongs to none of its 1 certificates.")


def test_an_archive_without_a_key_is_refused():
    from cryptography.hazmat.primitives.serialization import pkcs12

    named = [pkcs12.PKCS12Certificate(chain()[0].certificate, b"x")]
    payload = pkcs12.serialize_java_truststore(named, serialization.NoEncryption())
    assert "it holds no private key" in refused(bundle.Archive(payload=payload), certificate.Kind.ARCHIVE)


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x30\x80", b"\x30\x03\x02\x01\x03"])
def test_what_is_no_archive_is_refused(payload):
    refused(bundle.Archive(payload=payload), certificate.Kind.ARCHIVE)


@pytest.mark.parametrize("form", ["pem", "pkcs7 pem", "pkcs7 der"])
def test_intermediates_come_in_three_forms_and_leave_in_the_order_of_issue(form):
    own, middle, root = chain()
    kept = {
        "pem": root.pem + middle.pem,
        "pkcs7 pem": certificates.set_of(root, middle, pem=True),
        "pkcs7 der": certificates.set_of(root, middle, pem=False),
    }[form]
    found = certificate.opened(parts(own, intermediates=kept))
    assert [read_pem(each) for each in found.intermediates] == [middle.certificate, root.certificate]


def test_a_whole_chain_in_the_place_of_the_certificate_is_taken_apart():
    own, middle, root = chain()
    kept = bundle.Parts(certificate=own.pem + middle.pem, private_key=own.key_pem(), intermediates=root.pem)
    found = certificate.opened(kept)
    check_same(found, own)
    assert [read_pem(each) for each in found.intermediates] == [middle.certificate, root.certificate]


def test_what_is_not_of_the_chain_follows_it():
    own, middle, root = chain()
    stranger = certificates.authority("Stranger")
    found = certificate.opened(parts(own, intermediates=stranger.pem + root.pem + middle.pem))
    expected = [middle.certificate, root.certificate, stranger.certificate]
    assert [read_pem(each) for each in found.intermediates] == expected


@pytest.mark.parametrize("kept", [b"secret", b"secret\n", b"secret\r\n"])
def test_a_key_is_opened_with_its_pass_phrase_even_if_a_text_editor_ended_its_line(kept):
    own = chain()[0]
    found = certificate.opened(bundle.Parts(certificate=own.pem, private_key=own.key_pem(b"secret"), passphrase=kept))
    check_same(found, own)
    assert "BEGIN PRIVATE KEY" in found.private_key


def test_a_pass_phrase_that_no_key_needs_hurts_nobody():
    own = chain()[0]
    check_same(certificate.opened(parts(own, passphrase=b"secret")), own)


@pytest.mark.parametrize("phrase", [None, b"wrong"])
def test_an_encrypted_key_without_its_pass_phrase_is_refused(phrase):
    own = chain()[0]
    kept = bundle.Parts(certificate=own.pem, private_key=own.key_pem(b"secret"), passphrase=phrase)
    assert refused(kept, certificate.Kind.PARTS).startswith("The private_key cannot be read:")


def test_a_key_of_another_certificate_is_refused():
    own, other = chain()[0], certificates.authority()
    kept = bundle.Parts(certificate=own.pem, private_key=other.key_pem())
    assert refused(kept, certificate.Kind.PARTS) == "The private_key does not belong to the certificate."


@pytest.mark.parametrize("part", ["certificate", "private_key", "intermediates"])
@pytest.mark.parametrize("garbage", [b"nonsense", b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", b"\xff\x00"])
def test_parts_that_cannot_be_read_are_named(part, garbage):
    own = chain()[0]
    kept = {"certificate": own.pem, "private_key": own.key_pem(), part: garbage}
    assert refused(bundle.Parts(**kept), certificate.Kind.PARTS).startswith(f"The {part} cannot be read:")


def test_a_certificate_without_a_common_name_is_called_by_its_first_dns_name():
    own = certificates.authority().issue(None, "*.example", "b.example")
    found = certificate.opened(parts(own))
    assert (found.name, found.dns_names) == ("*.example", ("*.example", "b.example"))


def test_a_certificate_without_dns_names_is_called_by_its_common_name():
    found = certificate.opened(parts(certificates.authority().issue("only.example")))
    assert (found.name, found.dns_names) == ("only.example", ())


def test_a_certificate_for_no_name_is_refused_in_both_shapes():
    own = certificates.authority().issue(None, addresses=(ipaddress.ip_address("192.0.2.1"),))
    sentence = "No CN or DNSName(s) found in certificate. The certificate is invalid."
    for material in (parts(own), bundle.Archive(payload=own.archive())):
        assert refused(material, certificate.Kind.NAMELESS) == sentence


def test_an_expired_certificate_is_read_and_says_when_it_ended():
    past = datetime.datetime(2026, 2, 1)
    own = certificates.authority().issue("old.example", until=past)
    assert certificate.opened(parts(own)).not_after == past


def test_no_text_made_of_a_bundle_shows_its_key():
    own = chain()[0]
    kept = parts(own, passphrase=b"a phrase nobody may see")
    found = certificate.opened(kept)
    for text in (repr(kept), repr(found), repr(bundle.Archive(payload=own.archive())), str(found)):
        assert "PRIVATE KEY" not in text
        assert "nobody may see" not in text
        assert "www.example" not in repr(kept)


MATERIALS = ("archive", "certificate", "private_key", "intermediates")


# The library says so when it takes what is not quite DER.
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.sampled_from(MATERIALS), st.data())
def test_damaged_bytes_are_a_bundle_or_a_refusal_and_nothing_else(kind, data):
    own, middle, root = chain()
    kept = {"certificate": own.pem, "private_key": own.key_pem()}
    kept["intermediates"] = certificates.set_of(middle, root, pem=False)
    payload = bytearray(own.archive(middle) if kind == "archive" else kept[kind])
    for place in data.draw(st.lists(st.integers(0, len(payload) - 1), min_size=1, max_size=4)):
        payload[place] = data.draw(st.integers(0, 255))
    kept = {**kept, kind: bytes(payload)}
    material = bundle.Archive(payload=kept["archive"]) if kind == "archive" else bundle.Parts(**kept)
    outcome: object
    try:
        outcome = certificate.opened(material)
    except certificate.Unusable as refusal:
        outcome = refusal
    assert isinstance(outcome, bundle.Bundle | certificate.Unusable)


def through(material: bundle.Material) -> bundle.Bundle:
    """The bundle, by question and answer."""
    return opening.outcome(opening.answer(opening.question(material)))


def test_a_bundle_opened_elsewhere_is_the_same():
    own, middle, root = chain()
    for material in (
        bundle.Archive(payload=own.archive(middle)),
        parts(own, intermediates=middle.pem + root.pem, passphrase=b"x"),
    ):
        assert through(material) == certificate.opened(material)


def test_a_refusal_from_elsewhere_is_the_same():
    for material in (bundle.Archive(payload=b"x"), bundle.Parts(certificate=b"x", private_key=b"y")):
        said = []
        for open_it in (certificate.opened, through):
            with pytest.raises(certificate.Unusable) as caught:
                open_it(material)
            said.append((caught.value.kind, caught.value.sentence))
        assert said[0] == said[1]


@pytest.mark.parametrize(
    ("material", "kind"),
    [
        (bundle.Archive(payload=b"x"), certificate.Kind.ARCHIVE),
        (bundle.Parts(certificate=b"x", private_key=b"y"), certificate.Kind.PARTS),
    ],
)
def test_what_takes_too_long_to_open_is_refused_with_the_way_out(material, kind):
    refusal = certificate.too_slow(material)
    assert refusal.kind is kind
    assert "it takes too long to open: export it again with fewer rounds of hashing" in refusal.sentence


def test_questions_and_answers_are_single_lines():
    own = chain()[0]
    asked = opening.question(bundle.Archive(payload=own.archive()))
    assert b"\n" not in asked
    assert b"\n" not in opening.answer(asked)


def test_certificates_of_authorities_are_accepted():
    _, middle, root = chain()
    certificate.check_authority(root.pem)
    certificate.check_authority(root.pem + middle.pem)


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_of_an_authority_is_refused(pem):
    with pytest.raises(faults.Invalid, match="client authentication CA certificate is invalid"):
        certificate.check_authority(pem)
    with pytest.raises(faults.Invalid, match="client authentication CA certificate is invalid"):
        certificate.check_authority(chain()[2].pem + pem if pem.startswith(b"-") else pem)


@pytest.mark.parametrize("key", [certificates.rsa_key, certificates.ec_key], ids=["rsa", "ecdsa"])
def test_a_revocation_list_of_the_authority_is_accepted(key):
    root = certificates.authority(key=key())
    certificate.check_revocations(root.revoke(7), root.pem)


def test_a_revocation_list_is_held_against_the_first_authority():
    _, middle, root = chain()
    certificate.check_revocations(middle.revoke(), middle.pem + root.pem)
    with pytest.raises(faults.Invalid, match="The CRL specified is not valid for client certificate authority"):
        certificate.check_revocations(middle.revoke(), root.pem + middle.pem)


def test_a_revocation_list_of_somebody_else_is_refused():
    other = certificates.authority("Root", key=certificates.rsa_key())
    with pytest.raises(faults.Invalid, match="The CRL specified is not valid for client certificate authority"):
        certificate.check_revocations(other.revoke(), chain()[2].pem)


def test_an_authority_whose_key_signs_nothing_signed_no_revocation_list():
    mute = chain()[2].issue("Mute", key=x25519.X25519PrivateKey.generate())
    with pytest.raises(faults.Invalid, match="The CRL specified is not valid for client certificate authority"):
        certificate.check_revocations(chain()[2].revoke(), mute.pem)


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_what_is_no_revocation_list_is_refused(pem):
    with pytest.raises(faults.Invalid, match="certificate revocation list is invalid"):
        certificate.check_revocations(pem, chain()[2].pem)
