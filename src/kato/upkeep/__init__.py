"""What looks after a memory: backup, restore, export, import, upgrade."""
