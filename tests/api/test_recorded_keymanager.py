"""The key-manager face answers recorded calls as the recorded Barbican did, but for a committed list of differences."""

import base64
import itertools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.api import keymanager_cloud, replaying

HERE = Path(__file__).parent
RECORDED = HERE / "recorded" / "keymanager.jsonl"
DIFFERENCES = HERE / "recorded_keymanager_differences.txt"
# What no two runs share: sentences.
VOLATILE = frozenset({"description", "message"})
# Moments, of which Barbican shows some with and some without microseconds.
SHAPED = frozenset({"created", "updated"})
BINARY, BINARY_SHOWN = bytes(range(256)) * 10, "what stands for a PKCS12 file"
PEM = "what stands for a certificate in PEM"
BOUND = {
    **{f"<{name.upper()}_USER_ID>": keymanager_cloud.user(name) for name in ("alice", "bob", "dana")},
    "<2547 bytes binary>": BINARY_SHOWN,
    "<BASE64 OF THE PKCS12>": base64.b64encode(BINARY).decode(),
    "<BASE64 OF CERTIFICATE PEM>": base64.b64encode(f"{PEM}\n".encode()).decode(),
    "<CERTIFICATE PEM>": PEM,
    "<PRIVATE KEY PEM>": "what stands for a private key in PEM",
    "<YYYY-MM-DDTHH:MM:SS>": "2036-11-23T12:00:00",
}
# Requests sent in another form than recorded: broken base64 is refused, but later calls need the secrets.
ADAPTED: Mapping[int, Any] = {
    29: "JSUl",
    43: {"payload": "JSUl", "payload_content_type": "application/octet-stream", "payload_content_encoding": "base64"},
}
HEADERS = ("Location", "WWW-Authenticate", "Allow", "openstack-api-version")


def ranks() -> dict[str, int]:
    """Where lists show objects: everything was made within a second, so identifiers ordered them."""
    found: dict[str, int] = {}
    for _, recorded in replaying.recordings(RECORDED):
        body = recorded["answer"]["body"]
        if recorded["name"] in {"list", "container list"}:
            entries = body.get("secrets") or body.get("containers")
            for place, each in enumerate(entries):
                ref = each.get("secret_ref") or each["container_ref"]
                found[ref.rpartition("/")[2]] = place
    return found


class Identifiers:
    """Gives new objects identifiers that order them as they were recorded."""

    def __init__(self) -> None:
        self.rank = 0
        self._numbers = itertools.count()
        self._ranks = ranks()

    def expect(self, recorded: Mapping[str, Any]) -> None:
        """What is made next is what this call made."""
        made = re.findall(r"_ref\": \"[^\"]*/(<[A-Z0-9_]+>)\"", json.dumps(recorded["answer"]))
        self.rank = self._ranks.get(made[0], 99) if made else 99

    def __call__(self) -> str:
        return f"{self.rank:08x}-0000-4000-8000-{next(self._numbers):012x}"


class Cloud(keymanager_cloud.Cloud):
    """A key manager of its own, with what was there before the recording began."""

    def __init__(self, path: Path) -> None:
        self.identifiers = Identifiers()
        super().__init__(path, self.identifiers)
        bound = dict(BOUND)
        for rank in range(3):
            self.identifiers.rank = rank
            bound[f"<CONTAINER_ID_{rank + 2}>"] = self.make("containers", type="generic").partition("/")[2]
        self.identifiers.rank = 3
        lost = self.store()
        refs = [{"name": "certificate", "secret_ref": f"{keymanager_cloud.URL}/v1/{lost}"}]
        left = self.make("containers", name="c1", type="certificate", secret_refs=refs)
        assert self.ask("POST", f"{left}/consumers", {"name": "other", "URL": "http://x/"}).status_code == 200
        assert self.ask("DELETE", lost).status_code == 204
        bound["<CONTAINER_ID_5>"] = left.partition("/")[2]
        self.replay = replaying.Replay(self.send, bound, volatile=VOLATILE, shaped=SHAPED)

    def send(self, call: Mapping[str, Any]) -> tuple[int, Any]:
        """Send a call as it is recorded; returns its status, its body and the headers that count."""
        body = BINARY if call["body"] == BINARY_SHOWN else call["body"]
        reply = keymanager_cloud.recorded(self, {**call, "body": body})
        heads = {name: reply.headers[name] for name in HEADERS if name in reply.headers}
        kind = reply.headers.get("Content-Type", "application/json")
        if kind == "application/json":
            shown = reply.json() if reply.content and call["method"] != "HEAD" else None
        else:
            heads["Content-Type"] = kind.replace("utf-8", "UTF-8") if "UTF-8" in json.dumps(call["answer"]) else kind
            shown = BINARY_SHOWN if reply.content == BINARY else reply.text
        return reply.status_code, {"body": shown, "headers": heads}


def test_every_recorded_call_is_answered_as_recorded_or_listed_with_a_reason(tmp_path):
    known = replaying.known_differences(DIFFERENCES)
    cloud = Cloud(tmp_path / "0.db")
    report = []
    met = set()
    for number, recorded in replaying.recordings(RECORDED):
        cloud.identifiers.expect(recorded)
        differs = cloud.replay.call({**recorded, "body": ADAPTED.get(number, recorded.get("body"))})
        if differs:
            met.add(number)
            if number not in known:
                report.append(f"{number} {recorded['name']} | {recorded['as']} {recorded['method']} {recorded['path']}")
                report.extend(f"      {line}" for line in differs)
    cloud.close()
    report.extend(f"{number} is listed and does not differ: {known[number]}" for number in sorted(known.keys() - met))
    if path := os.environ.get("VIPOOL_REPLAY_REPORT"):
        Path(path).write_text("\n".join(report))
    assert not report, "\n".join(report[:60])
