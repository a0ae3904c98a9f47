"""The bank as a simulation: everything in one process, in virtual time, from one seed. See docs/howto/simulate.md."""
