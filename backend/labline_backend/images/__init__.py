"""Images that steps run in on a cluster: what they hold, what a notebook needs beside it, and how one is built."""
