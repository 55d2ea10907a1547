"""The wire: messages and typed answers; both ends use these files."""
