"""The one core that every channel shares: bank operations, identity, PIN, transfers, and the bank behind them."""
