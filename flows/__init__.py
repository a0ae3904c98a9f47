"""Call flows: the YAML language, the pure engine that runs it, and the runner that gives it a voice and a bank."""
