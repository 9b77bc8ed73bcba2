"""`python -m app.programs VERB ...`: the command line."""

from app.programs.cli.main import main

if __name__ == "__main__":
    main()
