"""What things are: event, pattern and its name, prediction, session configuration."""
