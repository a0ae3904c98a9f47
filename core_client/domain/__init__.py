"""What the bank's words mean, as values: money, secrets, accounts, transfers. Pure; nothing here touches the world."""
