"""``python -m tellerline``: the command line."""

from tellerline.cli import main

if __name__ == "__main__":
    main()
