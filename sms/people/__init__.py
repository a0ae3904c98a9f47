"""What people are owed: no texts after STOP, none at night, not too many, no code to a fresh SIM."""
