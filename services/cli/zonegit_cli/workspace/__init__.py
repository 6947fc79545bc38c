"""Zones as files in a folder of the operator's, to work on with any editor, linter or CI."""
