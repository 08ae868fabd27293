"""Floor 2: the language, dependence tracking, the orchestrator, simulation and its trace."""
