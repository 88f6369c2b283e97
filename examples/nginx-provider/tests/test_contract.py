"""nginx keeps the contract of providers: `python -m vipool.contract tests`, in the directory above."""

from vipool_nginx import capabilities, engine

from vipool.contract import subject, suite


class TestNginx(suite.Suite):
    subject = subject.Subject(name="nginx", capabilities=capabilities.Capabilities, engine=engine.Engine)
