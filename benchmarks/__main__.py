"""`python -m benchmarks [PATTERN]`: run the benchmarks whose name has PATTERN in it, one after the other.

Ends with 0 when every one could be measured, whether its bars are ok or SHORT; with 1 when one could not be, and says
which and why; with 2 when none has such a name.
"""

import importlib
import sys
import time
import traceback

from benchmarks import harness

BENCHMARKS = (
    "foundation_create",
    "haproxy_weight",
    "haproxy_keepalive",
    "kernel_traffic",
    "kernel_change",
    "api_write",
    "api_read",
    "api_flat",
    "foundation_density",
    "monitors",
)


def main(pattern: str) -> int:
    """Run what matches; return the exit code."""
    chosen = [name for name in BENCHMARKS if pattern in name]
    if not chosen:
        print(f"no benchmark has {pattern!r} in its name; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    failed = []
    for name in chosen:
        began = time.monotonic()
        try:
            importlib.import_module(f"benchmarks.{name}").measure(harness.Report(name))
        except Exception:  # noqa: BLE001 - whatever went wrong, the others are measured all the same
            traceback.print_exc()
            failed.append(name)
        print(f"({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
    for name in failed:
        print(f"{name} COULD NOT BE MEASURED: see above", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
