"""Parse the input of commands: arguments, files and edited text."""
