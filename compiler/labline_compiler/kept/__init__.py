"""What the modules beside a notebook keep, and what their functions do to it, read off their text."""
