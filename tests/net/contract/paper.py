"""The stage of the provider in memory: what happens to others of itself is done to it."""

import contextlib

from vipool.contract import pictures, stage
from vipool.providers import base, fake


class OnPaper(stage.Stage):
    """A stage without packets."""

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
