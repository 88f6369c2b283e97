"""Every provider keeps the contract. Another one is one class more."""

import contextlib
from pathlib import Path

import pytest
from vipool_nginx import capabilities as nginx_capabilities
from vipool_nginx import engine as nginx
from vipool_nginx import render as nginx_render

from tests.providers import configuration
from vipool.contract import pictures, stage, subject, suite
from vipool.providers import base, fake, halves
from vipool.providers.haproxy import capabilities as connections
from vipool.providers.haproxy import engine as haproxy
from vipool.providers.nftables import capabilities as datagrams
from vipool.providers.nftables import engine as kernel


def usual_capabilities():
    return halves.Capabilities(connections.Capabilities(), datagrams.Capabilities())


def usual_engine():
    return halves.Engine(streams=haproxy.Engine(), datagrams=kernel.Engine())


class OnPaper(stage.Stage):
    """The stage of the provider in memory: what happens to others of itself is done to it."""

    @property
    def carried_by(self) -> fake.Engine:
        assert isinstance(self.engine, fake.Engine)
        return self.engine

    def kill(self):
        self.carried_by.kill(self.place)
        return True

    @contextlib.contextmanager
    def obstacle(self, number):
        self.carried_by.troubles[pictures.LOADBALANCER] = base.Broken(f"listener {number} has no port")
        yield
        del self.carried_by.troubles[pictures.LOADBALANCER]


@configuration.needs_haproxy
class TestHaproxy(suite.Suite):
    subject = subject.Subject(name="haproxy", capabilities=usual_capabilities, engine=usual_engine)


class TestDatagrams(suite.Suite):
    subject = subject.Subject(name="datagrams", capabilities=datagrams.Capabilities, engine=kernel.Engine)


@pytest.mark.skipif(not Path(nginx_render.MODULE).exists(), reason="nginx with its stream module is not installed")
class TestNginx(suite.Suite):
    subject = subject.Subject(name="nginx", capabilities=nginx_capabilities.Capabilities, engine=nginx.Engine)


class TestFake(suite.Suite):
    subject = subject.Subject(name="fake", capabilities=fake.Capabilities, engine=fake.Engine, packets=False)

    def staged(self, directory):
        return OnPaper(self.subject, directory)
