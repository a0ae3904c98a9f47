"""The voice channel: FastAGI sessions, calls and AMI on one side, dialogue turns on the other."""
