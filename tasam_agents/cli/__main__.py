"""``python -m tasam_agents.cli``."""

from tasam_agents.cli.main import main

main()
