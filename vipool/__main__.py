"""Entry of `python -m vipool` and of the `vipool` command.

Promises to import nothing but the command line, which in turn imports only what the given command needs.
"""


def main() -> None:
    """Run the command line and leave with its exit code."""
    from vipool.cli import main as command_line

    command_line.app()


if __name__ == "__main__":
    main()
