"""What the code of a notebook does: facts about cells, and the edges that follow from them."""
