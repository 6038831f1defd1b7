"""Well-known samples of other products, written as sagas: a Django app, `examples.gallery`.

Each module is one example. `SAGA_APPS=examples.gallery` runs them on the workers of this project;
docs/gallery.md shows them. Their participants are one ledger in memory (`ledger.py`).
"""
