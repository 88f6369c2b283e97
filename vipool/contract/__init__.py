"""The contract of providers as tests: one suite of trees and expectations, for vipool's own and everybody else's.

Needs pytest, which the rest of the package does not. A test module of a provider holds one class:

    class TestNginx(suite.Suite):
        subject = subject.Subject(name="nginx", capabilities=capabilities.Capabilities, engine=engine.Engine)

and `python -m vipool.contract path/to/tests` runs it in a sandbox, for it makes namespaces and sends packets.
"""

import pytest

# So that a failed comparison shows both sides, as in tests of one's own.
pytest.register_assert_rewrite(
    "vipool.contract.admission", "vipool.contract.serving", "vipool.contract.changing", "vipool.contract.lasting"
)
