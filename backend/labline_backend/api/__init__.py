"""Thin tornado handlers, one file a resource, and the OpenAPI document that they are tested against."""
