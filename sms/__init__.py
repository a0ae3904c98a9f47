"""The SMS channel: SMPP sessions, texts and commands on one side, dialogue turns on the other."""
