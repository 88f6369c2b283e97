"""Every provider keeps the contract. Another one is one class more."""

import functools
import os
from pathlib import Path

import pytest
from vipool_nginx import capabilities as nginx_capabilities
from vipool_nginx import engine as nginx
from vipool_nginx import render as nginx_render

from tests.net.contract import paper
from tests.providers import configuration
from vipool.contract import subject, suite
from vipool.providers import fake, halves, joined
from vipool.providers.haproxy import capabilities as connections
from vipool.providers.haproxy import checker
from vipool.providers.haproxy import engine as haproxy
from vipool.providers.nftables import capabilities as datagrams
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel


def usual_capabilities():
    return halves.Capabilities(connections.Capabilities(), datagrams.Capabilities(carried.DATAGRAMS))


def usual_engine():
    return joined.Engine(streams=haproxy.Engine(), datagrams=kernel.Engine(carried.DATAGRAMS, checker.Checker()))


def kernel_engine():
    return kernel.Engine(carried.WHOLE, checker.Checker())


@configuration.needs_haproxy
class TestHaproxy(suite.Suite):
    subject = subject.Subject(name="haproxy", capabilities=usual_capabilities, engine=usual_engine)


class TestNftables(suite.Suite):
    subject = subject.Subject(
        name="nftables",
        capabilities=functools.partial(datagrams.Capabilities, carried.WHOLE),
        engine=kernel_engine,
    )


@pytest.mark.skipif(os.environ.get("VIPOOL_EXAMPLES") == "few", reason="few examples are asked for, and this is one")
@pytest.mark.skipif(not Path(nginx_render.MODULE).exists(), reason="nginx with its stream module is not installed")
@pytest.mark.skipif("deny" in Path("/proc/self/setgroups").read_text(), reason="nginx carries nothing without root")
class TestNginx(suite.Suite):
    subject = subject.Subject(name="nginx", capabilities=nginx_capabilities.Capabilities, engine=nginx.Engine)


class TestFake(suite.Suite):
    subject = subject.Subject(name="fake", capabilities=fake.Capabilities, engine=fake.Engine, packets=False)

    def staged(self, directory):
        return paper.OnPaper(self.subject, directory)
