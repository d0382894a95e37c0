"""Call signalling and the forwarding unit. Not built yet; the contract reserves its place."""
