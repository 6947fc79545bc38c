"""Work on zones as files in a folder, with any editor, linter or CI."""
