"""The interfaces of the object store and the ref store, their values, and SQLite files."""
