"""How each kind of hidden state is taken and put back. :mod:`labline_runtime.hidden_state` holds the table."""
