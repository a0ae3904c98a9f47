"""What every language of ours that people write by hand shares: YAML with places, and expressions checked at load."""
