"""`python -m ser_tinyml COMMAND` is the console script `ser-tinyml COMMAND`."""

from ser_tinyml.cli import main

if __name__ == "__main__":
    main()
