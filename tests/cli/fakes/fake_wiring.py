"""A server and an agent that do what `vipool up` can see of the real ones, and nothing else.

`VIPOOL_FAKE` chooses a fault: `server-fails` (it ends at once, with a last word), `deaf` (it ignores every request to
stop), `slow` (it takes a second to stop).
"""

import os
import signal
import socket
import sys
import threading

from vipool.host import listening


def serve(settings):
    """Answer any request, and write the ready file once an agent has said hello on the agent socket."""
    if os.environ.get("VIPOOL_FAKE") == "server-fails":
        print("the fake database is on fire", file=sys.stderr)
        return 1
    stop = _stop_event()
    listener = listening.inherited(settings.listen_fd)
    settings.agent_socket.unlink(missing_ok=True)
    agents = socket.socket(socket.AF_UNIX)
    agents.bind(str(settings.agent_socket))
    agents.listen()
    threading.Thread(target=_answer, args=(listener,), daemon=True).start()
    threading.Thread(target=_greet, args=(agents, settings.ready_file), daemon=True).start()
    return _until(stop, "server")


def run_agent(settings):
    """Say hello to the server, leave a daemon behind if told to, and wait."""
    stop = _stop_event()
    while not stop.is_set():
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(str(settings.agent_socket))
                server.sendall(b"hello")
                break
        except OSError:
            stop.wait(0.01)
    return _until(stop, "agent")


def tear_down(settings):
    """Leave a trace of having been called."""
    (settings.state_dir / "run" / "torn-down").touch()


def _until(stop, name):
    stop.wait()
    if os.environ.get("VIPOOL_FAKE") == "slow":
        threading.Event().wait(1)
    print(f"{name} stops cleanly", flush=True)
    return 0


def _stop_event():
    stop = threading.Event()
    deaf = os.environ.get("VIPOOL_FAKE") == "deaf"
    signal.signal(signal.SIGTERM, lambda *_: None if deaf else stop.set())
    return stop


def _answer(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + str(os.getpid()).encode())


def _greet(agents, ready_file):
    while True:
        connection, _ = agents.accept()
        with connection:
            if connection.recv(16) == b"hello":
                ready_file.write_text(str(os.getpid()))
