"""From examples to a model that can be served. Stands alone: knows nothing of the rooms that answer, ingest or index."""
