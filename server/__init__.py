"""The routing node: chat, accounts, groups, presence, account state."""
