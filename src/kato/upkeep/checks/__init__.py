"""What is held against a recount, a file a kind of what is stored."""
