"""Run by alembic: the connection comes from :func:`labline_backend.store.migrations.upgrade`."""

from alembic import context

from labline_backend.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
