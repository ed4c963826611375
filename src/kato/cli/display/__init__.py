"""What the command line prints: texts from data made safe, tables, panels, progress."""
