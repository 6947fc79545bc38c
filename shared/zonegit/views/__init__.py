"""JSON documents: typed values, made from values of the library by pure functions.

The types are the JSON Schema (``docs/*.schema.json``, by ``make docs``). Within a version of a
schema fields may be added; none is renamed, removed or given another type. There is a module for
each kind of document, so that a program imports only those that it prints.
"""
