"""What looks after a memory: it takes care of stores, and answers no requests."""
