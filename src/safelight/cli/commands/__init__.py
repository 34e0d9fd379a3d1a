"""The commands: options and help. The work is in the rooms beside, imported when a command runs."""

# Tested in tests/cli/test_commands.py.
