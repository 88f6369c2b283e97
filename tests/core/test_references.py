"""The certificates, authorities and revocation lists that rows and bodies name."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core import test_admit as trees
from vipool.core import references
from vipool.model import listener, pool

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*sorted(references.NAMES), "pools", "listeners"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def test_a_listener_names_its_own_certificate_those_of_other_names_and_its_clients_authority():
    row = trees.row(
        listener.Listener,
        "l",
        default_tls_container_ref="own",
        sni_container_refs=["one", "two"],
        client_ca_tls_container_ref="clients",
        client_crl_container_ref="revoked",
    )
    assert list(references.of(row)) == [
        references.Bundle(ref="own"),
        references.Bundle(ref="one"),
        references.Bundle(ref="two"),
        references.Authority(ref="clients"),
        references.Revocations(ref="revoked", authority="clients"),
    ]


def test_a_pool_names_its_own_certificate_and_its_members_authority():
    row = trees.row(
        pool.Pool, "p", tls_container_ref="own", ca_tls_container_ref="members", crl_container_ref="revoked"
    )
    assert set(references.of(row)) == {
        references.Bundle(ref="own"),
        references.Authority(ref="members"),
        references.Revocations(ref="revoked", authority="members"),
    }


def test_a_row_without_tls_names_nothing():
    assert list(references.of(trees.row(pool.Pool, "p"))) == []


def test_revocations_without_an_authority_are_not_looked_for():
    assert list(references.named({"crl_container_ref": "revoked", "ca_tls_container_ref": None})) == []


def test_a_whole_tree_is_searched_at_every_depth():
    body = {
        "name": "tree",
        "listeners": [
            {
                "default_tls_container_ref": "front",
                "default_pool": {"tls_container_ref": "back", "members": []},
                "l7policies": [{"redirect_pool": {"ca_tls_container_ref": "deep"}}],
            }
        ],
    }
    assert set(references.nested(body)) == {
        references.Bundle(ref="front"),
        references.Bundle(ref="back"),
        references.Authority(ref="deep"),
    }


@given(JSON)
def test_any_body_is_searched_and_only_texts_are_references(body):
    assert all(isinstance(each.ref, str) for each in references.nested(body))
