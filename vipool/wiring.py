"""The only place that builds things: the server, the agent, and their end.

Everything else receives what it works with.  Imports stand inside the functions where a process does not need them:
the agent must not load the store, nor the server the kernel.
"""

import logging
import os
import secrets
import socket
import uuid
from typing import TYPE_CHECKING

from vipool import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vipool.api import app, local
    from vipool.api.identity import desk
    from vipool.cloud.secrets import embedded as key_manager
    from vipool.cloud.secrets.embedded import vault
    from vipool.providers import base
    from vipool.store import session

logger = logging.getLogger("vipool.wiring")

SECRET_BYTES = 32
# What HAProxy is called, here and in clouds that clients were written for.
PROVIDERS = ("amphora", "octavia", "haproxy")
KERNEL = "nftables"
# A bundle is some ten kilobytes.
OPENED_BUNDLES = 1024


def new_id() -> str:
    """A new identifier: a random UUID (RFC 9562 version 4)."""
    return str(uuid.uuid4())


def warn(sentences: "Iterable[str]") -> None:
    """Log what whoever runs vipool should know."""
    for each in sentences:
        logger.warning("%s", each)


def token_key(chosen: settings.Settings) -> bytes:
    """The key that signs tokens, made at first use and readable by this user alone."""
    from vipool.host import files

    path = chosen.token_key_file
    if not path.exists():
        files.write(path, secrets.token_bytes(SECRET_BYTES), mode=0o600)
    return path.read_bytes()


def open_vault(chosen: settings.Settings, database: "session.Database") -> "vault.Vault":
    """What seals payloads of secrets, its first key made at first use.  Raises errors.Failed for a file of no keys."""
    from vipool.cloud.secrets.embedded import rotation, vault
    from vipool.host import errors, files

    path = chosen.secret_key_file
    if not path.exists():
        # On the disk before the first secret is: nothing else opens that.
        files.write(path, vault.write_keys([secrets.token_bytes(vault.KEY_BYTES)]), mode=0o600, durable=True)
    try:
        keys = vault.read_keys(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
        raise errors.Failed(f"reading the keys in {path}", reason=reason) from None
    opened = vault.Vault(keys, secrets.token_bytes)
    rotation.renew(database, opened)
    return opened


def open_database(chosen: settings.Settings, on_commit: "session.OnCommit") -> "session.Database":
    """The embedded database, brought to the newest schema.  Raises errors.Failed for one of a newer vipool."""
    import datetime

    from vipool.host import errors
    from vipool.store import schema, session

    database = session.Database(
        session.sqlite_url(chosen.database),
        clock=lambda: datetime.datetime.now(datetime.UTC).replace(tzinfo=None),
        on_commit=on_commit,
    )
    try:
        schema.upgrade(database.engine)
    except schema.TooNew as error:
        raise errors.Failed(f"opening {chosen.database}", reason=str(error)) from error
    database.seed()
    return database


def build_server(
    chosen: settings.Settings, news: "local.News", database: "session.Database | None" = None
) -> "app.Dispatcher":
    """Every service over the embedded store."""
    from vipool.api import app, arrivals, local
    from vipool.api.face import Service
    from vipool.api.identity import routes as identity
    from vipool.api.keymanager import desk as keys
    from vipool.api.keymanager import routes as keymanager
    from vipool.api.network import routes as network
    from vipool.api.octavia import routes as octavia
    from vipool.cloud.network.embedded import Network
    from vipool.host import errors
    from vipool.service import amphorae, certificates, write

    database = database or open_database(chosen, news.tell)
    people = build_identity(chosen, database)
    authenticate = people.authority.authenticate
    able = providers()
    if chosen.allowed.default_provider not in able:
        reason = f"there is no provider '{chosen.allowed.default_provider}': {', '.join(able)} are there"
        raise errors.Failed(f"reading octavia.default_provider in {chosen.toml_file}", reason=reason)
    networks = Network(new_id=new_id)
    kept = build_key_manager(chosen, database)
    writer = write.Writer(
        database=database,
        networks=networks,
        certificates=certificates.Certificates(database=database, secrets=kept),
        providers=able,
        new_id=new_id,
        allowed=chosen.allowed,
        node=amphorae.Node(name=socket.gethostname()),
    )
    arriving = arrivals.Arrivals(chosen.allowed.look_milliseconds / 1000)
    load_balancer = Service(
        octavia.face(writer, chosen.rules, authenticate=authenticate, healthy=chosen.healthcheck, arriving=arriving)
    )
    return app.Dispatcher(
        services={
            "/load-balancer": load_balancer,
            "/identity": Service(identity.face(people, lambda: f"req-{new_id()}")),
            "/key-manager": Service(
                keymanager.face(
                    keys.Desk(database=database, vault=kept.vault, new_id=new_id), authenticate=authenticate
                )
            ),
            "/network": Service(network.face(database, authenticate=authenticate, new_id=new_id)),
        },
        default=load_balancer,
        local=local.Local(
            database=database,
            networks=networks,
            secrets=kept,
            news=news,
            arrivals=arriving,
            on_report=lambda: chosen.ready_file.touch(mode=0o600),
        ),
    )


def build_key_manager(chosen: settings.Settings, database: "session.Database") -> "key_manager.Secrets":
    """The embedded key manager; what tenants keep as certificates is opened by a child of this process, once.

    Each change of a load balancer needs its certificates again, and opening them takes longer than the change.
    """
    import functools

    from vipool.cloud.secrets.embedded import Secrets
    from vipool.core import opening
    from vipool.host import confined

    child = confined.Confined(opening.__name__, opening.answer.__name__)
    return Secrets(vault=open_vault(chosen, database), opener=functools.lru_cache(OPENED_BUNDLES)(child))


def providers() -> "dict[str, base.Capabilities]":
    """What every provider can do, by the names load balancers may ask for: ours, then those of other packages."""
    from vipool.providers import halves, installed
    from vipool.providers.haproxy import capabilities as connections
    from vipool.providers.nftables import capabilities as packets
    from vipool.providers.nftables import carried

    usual = halves.Capabilities(connections.Capabilities(), packets.Capabilities(carried.DATAGRAMS))
    own: dict[str, base.Capabilities] = {
        **dict.fromkeys(PROVIDERS, usual),
        KERNEL: packets.Capabilities(carried.WHOLE),
    }
    found = installed.capabilities(own)
    warn(found.left_out)
    return {**own, **found.usable}


def build_identity(chosen: settings.Settings, database: "session.Database") -> "desk.Desk":
    """The embedded identity service, with its first user if it had none."""
    from vipool.api.identity import desk
    from vipool.cloud.identity.embedded import authority, bootstrap, guesses, hashes, login

    checks = hashes.Hashes()
    people = authority.Authority(database, keys=(token_key(chosen),), entropy=secrets.token_bytes)
    with people.writing() as held:
        bootstrap.bootstrap(held, chosen.admin_password_file.read_text(encoding="utf-8").strip(), checks)
    door = login.Login(people, checks, guesses.Guesses())
    return desk.Desk(authority=people, login=door, new_id=lambda: uuid.uuid4().hex)


def serve(chosen: settings.Settings) -> int:
    """Serve the API until told to stop; returns the exit code."""
    import gc
    import threading
    import time

    import uvicorn

    from vipool.api import serving
    from vipool.api.local import News
    from vipool.cloud.network.embedded import Network
    from vipool.control import deadlines, forgetting
    from vipool.host import descriptors, listening, logs

    logs.to_stderr()
    descriptors.raise_limit()  # each client keeps a file open
    os.umask(0o077)  # the database holds hashes of passwords, and SQLite makes its files as readable as it may
    public = (
        listening.bind(chosen.listen.host, chosen.listen.port)
        if chosen.listen_fd is None
        else listening.inherited(chosen.listen_fd)
    )
    local = listening.bind_local(chosen.agent_socket)
    news = News()
    database = open_database(chosen, news.tell)
    watch = deadlines.Deadlines(database, Network(new_id=new_id), clock=time.monotonic)
    stop = threading.Event()
    config = uvicorn.Config(
        build_server(chosen, news, database),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        server_header=False,
        # Else anybody on this machine could say to come from elsewhere, and guess passwords without end.
        proxy_headers=False,
    )
    forget = forgetting.Forgetting(database=database, days=chosen.allowed.history_days)
    for name, run in (("deadlines", watch.run), ("forgetting", forget.run)):
        threading.Thread(target=run, args=(stop,), name=name, daemon=True).start()
    # What is here now stays for good: to look through it again and again for garbage takes longer than most requests.
    gc.collect()
    gc.freeze()
    serving.Server(config, news.end).run(sockets=[public, local])
    stop.set()
    return 0


def engines() -> "dict[str, base.Engine]":
    """The hand of every provider on a node, by the names load balancers may ask for."""
    from vipool.providers import installed, joined
    from vipool.providers.haproxy import checker
    from vipool.providers.haproxy import engine as connections
    from vipool.providers.nftables import carried
    from vipool.providers.nftables import engine as packets

    checking = checker.Checker()
    datagrams = packets.Engine(carried.DATAGRAMS, checking)
    usual = joined.Engine(streams=connections.Engine(), datagrams=datagrams)
    own: dict[str, base.Engine] = {**dict.fromkeys(PROVIDERS, usual), KERNEL: packets.Engine(carried.WHOLE, checking)}
    found = installed.engines(own)
    warn(found.left_out)
    return {**own, **found.usable}


def run_agent(chosen: settings.Settings) -> int:
    """Make this node what the server says until told to stop; returns the exit code."""
    from vipool.agent import run
    from vipool.host import descriptors, logs

    logs.to_stderr()
    descriptors.raise_limit()  # each check that is not answered yet keeps a file open
    return run.run_agent(chosen.state_dir, chosen.agent_socket, engines())


def tear_down(chosen: settings.Settings) -> tuple[str, ...]:
    """Remove every namespace, device and process of the data plane that is vipool's; returns what went, in words."""
    from vipool.agent import run

    return run.tear_down(chosen.state_dir, engines())
