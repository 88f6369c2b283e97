"""The commands of the how-to page about certificates, typed into one shell as they stand, by an ordinary member."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from tests import certificates, house
from tests.compat import terminal
from vipool.cloud.secrets.embedded import vault

PAGE = house.ROOT / "docs/howto/certificates.md"
PASSWORD = "secret sauce"


@pytest.fixture
def member(live):
    """The environment of a member's shell."""
    admin = terminal.administrator(live)
    admin.do("project create", "reader-of-pages")
    admin.do("user create", "--project", "reader-of-pages", "--password", PASSWORD, "reader-of-pages")
    admin.do("role add", "--project", "reader-of-pages", "--user", "reader-of-pages", "member")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "VIPOOL_"))}
    yield {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "VIPOOL_STATE_DIR": str(live.state_dir),
        "OS_AUTH_URL": f"{live.url}/identity/v3",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": "reader-of-pages",
        "OS_PASSWORD": PASSWORD,
        "OS_PROJECT_NAME": "reader-of-pages",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
    }
    admin.do("user delete", "reader-of-pages")
    admin.do("project delete", "reader-of-pages")
    admin.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the page makes a PKCS#12 file with openssl")
def test_the_page_can_be_typed(live, member, tmp_path):
    root = certificates.authority("Root")
    own = root.issue("www.example", "www.example")
    for name, content in (("server.crt", own.pem), ("server.key", own.key_pem()), ("chain.crt", root.pem)):
        (tmp_path / name).write_bytes(content)
    before = vault.read_keys((live.state_dir / "secret-key").read_bytes())
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=member,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    key, certificate, others = pkcs12.load_key_and_certificates((tmp_path / "back.p12").read_bytes(), None)
    assert (certificate, others) == (own.certificate, [root.certificate])
    assert key is not None
    assert re.search(rf"^{live.url}/key-manager/v1/containers/[0-9a-f-]+$", done.stdout, flags=re.MULTILINE)
    after = vault.read_keys((live.state_dir / "secret-key").read_bytes())
    assert after[1:] == before
    assert after[0] not in before
