"""`python -m tutor`, for what starts a module: accelerate launch ... -m tutor train RECIPE."""

from tutor.cli.main import main

main()
