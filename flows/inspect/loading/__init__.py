"""The rules that the loader keeps, described: a flow that breaks one does not run at all."""
