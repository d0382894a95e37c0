"""What tests share: a cast with names, and small worlds to play in."""
