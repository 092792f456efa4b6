"""``python -m dualwrite`` is the command line."""

from dualwrite.cli.main import main

if __name__ == "__main__":
    main()
