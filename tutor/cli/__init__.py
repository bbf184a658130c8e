"""The command `tutor`: one short file a command. A command parses, calls the library, and words the errors."""
