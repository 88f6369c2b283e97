"""The only place that builds things: the server, the agent, and their end.

Everything else receives what it works with.  Imports stand inside the functions where a process does not need them:
the agent must not load the store, nor the server the kernel.
"""

import logging
import os
import secrets
import socket
import sys
import uuid
from typing import TYPE_CHECKING

from vipool import settings

if TYPE_CHECKING:
    from vipool.api import app, local
    from vipool.api.identity import desk
    from vipool.providers import base
    from vipool.store import session

SECRET_BYTES = 32


def new_id() -> str:
    """A new identifier: a random UUID (RFC 9562 version 4)."""
    return str(uuid.uuid4())


def log_to_stderr() -> None:
    """Log to standard error, which is a file for the children of ``vipool up``."""
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=form)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def token_key(chosen: settings.Settings) -> bytes:
    """The key that signs tokens, made at first use and readable by this user alone."""
    from vipool.host import files

    path = chosen.token_key_file
    if not path.exists():
        files.write(path, secrets.token_bytes(SECRET_BYTES), mode=0o600)
    return path.read_bytes()


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
    from vipool.api import app, local, network
    from vipool.api.face import Service
    from vipool.api.identity import routes as identity
    from vipool.api.octavia import routes as octavia
    from vipool.cloud.network.embedded import Network
    from vipool.core import policy
    from vipool.service import amphorae, write

    database = database or open_database(chosen, news.tell)
    people = build_identity(chosen, database)
    authenticate = people.authority.authenticate
    networks = Network(new_id=new_id)
    writer = write.Writer(
        database=database,
        networks=networks,
        providers=providers(),
        new_id=new_id,
        node=amphorae.Node(name=socket.gethostname()),
    )
    load_balancer = Service(octavia.face(writer, policy.make(), authenticate=authenticate, new_id=new_id))
    return app.Dispatcher(
        services={
            "/load-balancer": load_balancer,
            "/identity": Service(identity.face(people, lambda: f"req-{new_id()}")),
            "/network": Service(network.face(database, authenticate=authenticate, new_id=new_id)),
        },
        default=load_balancer,
        local=local.Local(
            database=database, networks=networks, news=news, on_report=lambda: chosen.ready_file.touch(mode=0o600)
        ),
    )


def providers() -> "dict[str, base.Capabilities]":
    """What every provider can do, by the names load balancers may ask for."""
    from vipool.providers import halves
    from vipool.providers.haproxy import capabilities as connections
    from vipool.providers.nftables import capabilities as datagrams

    usual = halves.Capabilities(connections.Capabilities(), datagrams.Capabilities())
    return {"amphora": usual, "octavia": usual, "haproxy": usual}


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
    import resource
    import threading
    import time

    import uvicorn

    from vipool.api import serving
    from vipool.api.local import News
    from vipool.cloud.network.embedded import Network
    from vipool.control import deadlines
    from vipool.host import listening

    log_to_stderr()
    # Each client keeps a file open: as many as the system lets us, not the 1,024 that select() can count.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
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
    threading.Thread(target=watch.run, args=(stop,), name="deadlines", daemon=True).start()
    serving.Server(config, news.end).run(sockets=[public, local])
    stop.set()
    return 0


def engines() -> "dict[str, base.Engine]":
    """The hand of every provider on a node, by the names load balancers may ask for."""
    from vipool.providers import halves
    from vipool.providers.haproxy import engine as connections
    from vipool.providers.nftables import engine as datagrams

    usual = halves.Engine(streams=connections.Engine(), datagrams=datagrams.Engine())
    return {"amphora": usual, "octavia": usual, "haproxy": usual}


def run_agent(chosen: settings.Settings) -> int:
    """Make this node what the server says until told to stop; returns the exit code."""
    from vipool.agent import run

    log_to_stderr()
    return run.run_agent(chosen.state_dir, chosen.agent_socket, engines())


def tear_down(chosen: settings.Settings) -> tuple[str, ...]:
    """Remove every namespace, device and process of the data plane that is vipool's; returns what went, in words."""
    from vipool.agent import run

    return run.tear_down(chosen.state_dir, engines())
